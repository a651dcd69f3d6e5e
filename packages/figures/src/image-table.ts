/** Images in rows with a name before each row: one thing after another under different conditions. */
import { InvalidArgumentError } from '@srmcmc/core';
import { embedPixels } from './embedded-picture.ts';
import type { GridShape } from './image-grid.ts';
import { type Frame, svg, text } from './plot.ts';

export interface ImageRow {
  readonly label: string;
  /** A second line below the label. */
  readonly note?: string;
  /** Drawn in bold, with a frame around the row. */
  readonly marked?: boolean;
  /** Bytes [height, width, channels] each. */
  readonly images: readonly Uint8Array[];
}

export interface ImageTable {
  readonly title: string;
  readonly shape: GridShape;
  readonly rows: readonly ImageRow[];
}

const TILE = 64;
const GAP = 3;
const TOP = 44;
const MARGIN = 12;
const LETTER = 7.8;
/** Around each image, which may be as white as the paper. */
const EDGE = { width: 0.5, colour: '#8b94a3' };

/**
 * An SVG picture that holds its images, each 64 units wide, every pixel a square.
 *
 * @throws InvalidArgumentError for images that are neither grey nor RGB, or not of the shape.
 */
export async function imageTable({ title, shape, rows }: ImageTable): Promise<string> {
  const [height, width, channels] = shape;
  if (channels !== 1 && channels !== 3) {
    throw new InvalidArgumentError('shape', `must end in 1 channel or 3, got ${channels}`);
  }
  const tile = { width: TILE, height: Math.round((TILE * height) / width) };
  const letters = Math.max(0, ...rows.flatMap(({ label, note = '' }) => [label.length, note.length * 0.9]));
  const left = MARGIN + Math.ceil(letters * LETTER) + MARGIN;
  const columns = Math.max(0, ...rows.map(({ images }) => images.length));
  const pitch = tile.height + GAP;
  const drawn = rows.flatMap(({ label, note, marked = false, images }, row) => {
    const top = TOP + row * pitch;
    const middle = top + tile.height / 2;
    const rest = { left: left - GAP, top: top - GAP / 2 };
    const frame =
      `<rect x="${rest.left}" y="${rest.top}" width="${images.length * (TILE + GAP) + GAP}" height="${pitch}" ` +
      'fill="#d55e00"/>';
    const name = [
      text(left - MARGIN, middle + (note === undefined ? 5 : -3), label, { anchor: 'end', bold: marked }),
      ...(note === undefined ? [] : [text(left - MARGIN, middle + 15, note, { anchor: 'end' })]),
    ];
    const pictures = images.map(async (image, column) => {
      if (image.length !== height * width * channels) {
        throw new InvalidArgumentError(
          `rows.${row}.images.${column}`,
          `must have ${height} × ${width} × ${channels} bytes, got ${image.length}`,
        );
      }
      const place = { left: left + column * (TILE + GAP), top, ...tile };
      return edgeOf(place) + (await embedPixels(place, image, [height, width, channels], true));
    });
    return [...(marked ? [frame] : []), ...name, ...pictures];
  });
  const size = [left + columns * (TILE + GAP) + MARGIN, TOP + rows.length * pitch + MARGIN] as const;
  const least = MARGIN + Math.ceil(title.length * LETTER * 1.15) + MARGIN;
  return svg(Math.max(size[0], least), size[1], title, [
    text(MARGIN, 24, title, { bold: true }),
    ...(await Promise.all(drawn)),
  ]);
}

function edgeOf({ left, top, width, height }: Frame): string {
  return (
    `<rect x="${left - EDGE.width}" y="${top - EDGE.width}" width="${width + 2 * EDGE.width}" ` +
    `height="${height + 2 * EDGE.width}" fill="${EDGE.colour}"/>`
  );
}
