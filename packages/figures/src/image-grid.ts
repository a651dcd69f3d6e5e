/** Images side by side in one picture. */
import { InvalidArgumentError, requireInteger } from '@srmcmc/core';
import { pixelsToPng } from './png.ts';

/** Pixels between images, white, as are places without an image. */
const GAP = 2;
const WHITE = 255;
/** Pixels of small images are drawn larger: the longer side of the picture is at least this. */
const LEAST_SIDE = 512;
/** An image is drawn as large as whole pixels allow up to this width, however many there are. */
const TILE = 64;
/** A picture is held in memory and few programs open a larger one. */
const MOST_PIXELS = 2 ** 26;
/** Rows are this many times as long as columns at most. */
const WIDEST = 3;

export type GridShape = readonly [height: number, width: number, channels: number];

/** A grid that is filled image by image, rows first; every pixel of an image is a square of `scale` × `scale`. */
export class ImageGrid {
  readonly scale: number;
  readonly #shape: GridShape;
  readonly #count: number;
  readonly #columns: number;
  readonly #width: number;
  readonly #height: number;
  readonly #pixels: Uint8Array;

  /** @throws InvalidArgumentError for images that are neither grey nor RGB, and for none or too many of them. */
  constructor(shape: GridShape, count: number, columns = fullestColumns(count)) {
    const channels = shape[2];
    if (channels !== 1 && channels !== 3) {
      throw new InvalidArgumentError(
        'shape',
        `must end in 1 channel or 3, for a grey or a coloured picture; got ${channels}`,
      );
    }
    const { scale, size } = layout('count', shape, count, columns);
    this.scale = scale;
    this.#shape = shape;
    this.#count = count;
    this.#columns = Math.min(columns, count);
    [this.#width, this.#height] = size;
    this.#pixels = new Uint8Array(areaOf(size) * channels).fill(WHITE);
  }

  /**
   * Puts an image, bytes [height, width, channels], at its place.
   *
   * @throws InvalidArgumentError for a place that the grid does not have, and for another number of bytes.
   */
  place(index: number, image: Uint8Array): void {
    const [height, width, channels] = this.#shape;
    requireInteger('index', index, 0, this.#count - 1);
    const bytes = height * width * channels;
    if (image.length !== bytes) {
      throw new InvalidArgumentError(
        'image',
        `must be ${bytes} bytes, [${this.#shape.join(', ')}], got ${image.length}`,
      );
    }
    const { scale } = this;
    const left = GAP + (index % this.#columns) * (width * scale + GAP);
    const top = GAP + Math.floor(index / this.#columns) * (height * scale + GAP);
    const row = new Uint8Array(width * scale * channels);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width * scale; x++) {
        const from = (y * width + Math.floor(x / scale)) * channels;
        for (let c = 0; c < channels; c++) row[x * channels + c] = image[from + c]!;
      }
      for (let copy = 0; copy < scale; copy++) {
        this.#pixels.set(row, ((top + y * scale + copy) * this.#width + left) * channels);
      }
    }
  }

  /** The bytes of the picture. */
  png(): Promise<Uint8Array> {
    return pixelsToPng(this.#pixels, [this.#height, this.#width, this.#shape[2] as 1 | 3]);
  }
}

/** As many columns as rows or more, with the fewest places left empty; of those the nearest to a square. */
export function fullestColumns(count: number): number {
  const square = Math.ceil(Math.sqrt(count));
  let best = square;
  for (let columns = square; columns <= WIDEST * Math.ceil(count / columns); columns++) {
    if (emptyPlaces(count, columns) < emptyPlaces(count, best)) best = columns;
  }
  return best;
}

function emptyPlaces(count: number, columns: number): number {
  return Math.ceil(count / columns) * columns - count;
}

/**
 * Throws InvalidArgumentError, by the name of `field`, where an `ImageGrid` would refuse so many images: for who has them to
 * make first.
 */
export function requireImageGrid(
  field: string,
  shape: GridShape,
  count: number,
  columns = fullestColumns(count),
): void {
  layout(field, shape, count, columns);
}

type Size = readonly [width: number, height: number];

/** Pixels of the picture, and of a side of the square that a pixel of an image becomes in it. */
function layout(
  field: string,
  [height, width]: GridShape,
  count: number,
  mostColumns: number,
): { readonly scale: number; readonly size: Size } {
  requireInteger(field, count, 1);
  requireInteger('columns', mostColumns, 1);
  const columns = Math.min(mostColumns, count);
  const rows = Math.ceil(count / columns);
  const sizeAt = (scale: number): Size => [
    columns * (width * scale + GAP) + GAP,
    rows * (height * scale + GAP) + GAP,
  ];
  const longer = Math.max(columns * width, rows * height);
  let scale = Math.max(1, Math.floor(TILE / width), Math.ceil(LEAST_SIDE / longer));
  while (scale > 1 && areaOf(sizeAt(scale)) > MOST_PIXELS) scale--;
  const size = sizeAt(scale);
  if (areaOf(size) <= MOST_PIXELS) return { scale, size };
  throw new InvalidArgumentError(
    field,
    `${count} images make a picture of ${size[0]} × ${size[1]} pixels, more than programs open: draw fewer`,
  );
}

function areaOf([width, height]: Size): number {
  return width * height;
}
