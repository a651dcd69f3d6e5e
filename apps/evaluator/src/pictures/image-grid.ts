/** Images side by side in one picture. */
import { InvalidArgumentError } from '@srmcmc/core';
import sharp from 'sharp';

/** Pixels between images, white. */
const GAP = 2;
const WHITE = 255;
/** About the least width of a picture. */
const LEAST_WIDTH = 512;
/** A picture is held in memory and few programs open a larger one. */
const MOST_PIXELS = 2 ** 26;

export type GridShape = readonly [height: number, width: number, channels: number];

/** A grid that is filled image by image, rows first. */
export class ImageGrid {
  readonly #shape: GridShape;
  readonly #columns: number;
  readonly #width: number;
  readonly #height: number;
  readonly #pixels: Uint8Array;

  /** @throws InvalidArgumentError for images that are neither grey nor RGB, and for too many of them. */
  constructor(shape: GridShape, count: number, columns = Math.ceil(Math.sqrt(count))) {
    const [height, width, channels] = shape;
    if (channels !== 1 && channels !== 3) {
      throw new InvalidArgumentError('out', `no picture of ${channels} channels: choose a .npy file`);
    }
    this.#shape = shape;
    this.#columns = Math.min(columns, count);
    this.#width = this.#columns * (width + GAP) + GAP;
    this.#height = Math.ceil(count / this.#columns) * (height + GAP) + GAP;
    if (this.#width * this.#height > MOST_PIXELS) {
      throw new InvalidArgumentError(
        'count',
        `${count} images make a picture of ${this.#width} × ${this.#height} pixels: choose a .npy file`,
      );
    }
    this.#pixels = new Uint8Array(this.#width * this.#height * channels).fill(WHITE);
  }

  /** Puts an image, [height, width, channels] bytes, at its place. */
  place(index: number, image: Uint8Array): void {
    const [height, width, channels] = this.#shape;
    const left = GAP + (index % this.#columns) * (width + GAP);
    const top = GAP + Math.floor(index / this.#columns) * (height + GAP);
    for (let y = 0; y < height; y++) {
      const row = image.subarray(y * width * channels, (y + 1) * width * channels);
      this.#pixels.set(row, ((top + y) * this.#width + left) * channels);
    }
  }

  /** The picture; a small one is enlarged, each pixel to a square, so that people can see it. */
  png(): Promise<Buffer> {
    const width = this.#width;
    const height = this.#height;
    const scale = Math.max(1, Math.round(LEAST_WIDTH / width));
    const raw = { width, height, channels: this.#shape[2] as 1 | 3 };
    return sharp(this.#pixels, { raw, limitInputPixels: false })
      .resize(width * scale, height * scale, { kernel: 'nearest' })
      .png()
      .toBuffer();
  }
}
