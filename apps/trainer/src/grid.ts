/** Pictures of samples as PNG. */
import sharp from 'sharp';

const GAP = 2;
/** Pixels of small images are drawn larger: a tile is at least this wide. */
const LEAST_TILE = 64;
const BACKGROUND = 255;

/**
 * Images [n, side, side, 1 or 3] on a square grid, row by row; values from [-1, 1], and beyond it clipped.
 *
 * @returns the bytes of a PNG.
 */
export async function gridPng(values: ArrayLike<number>, shape: readonly number[]): Promise<Uint8Array> {
  const [n, side, , colours] = shape as [number, number, number, number];
  const scale = Math.max(1, Math.floor(LEAST_TILE / side));
  const columns = Math.ceil(Math.sqrt(n));
  const rows = Math.ceil(n / columns);
  const pitch = side * scale + GAP;
  const width = columns * pitch + GAP;
  const height = rows * pitch + GAP;
  const pixels = Buffer.alloc(width * height * 3, BACKGROUND);
  for (let image = 0; image < n; image++) {
    const top = GAP + Math.floor(image / columns) * pitch;
    const left = GAP + (image % columns) * pitch;
    for (let y = 0; y < side * scale; y++) {
      for (let x = 0; x < side * scale; x++) {
        const source = ((image * side + Math.floor(y / scale)) * side + Math.floor(x / scale)) * colours;
        const target = ((top + y) * width + left + x) * 3;
        for (let c = 0; c < 3; c++) pixels[target + c] = byteOf(values[source + Math.min(c, colours - 1)]!);
      }
    }
  }
  return png(pixels, width, height);
}

/** RGB bytes as a PNG. */
export async function png(pixels: Uint8Array, width: number, height: number): Promise<Uint8Array> {
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

function byteOf(value: number): number {
  return Math.max(0, Math.min(255, Math.round((value + 1) * 127.5)));
}
