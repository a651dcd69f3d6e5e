/** A grid of images, written as a PNG. */
import type { ImageGrid } from '@srmcmc/figures';
import { writeOutputFile } from '../output-file.ts';

/** Fills the grid's first places with `count` images that lie one after another, and writes it. */
export async function writeImageGrid(
  path: string,
  grid: ImageGrid,
  images: Uint8Array,
  count: number,
): Promise<void> {
  const stride = images.length / count;
  for (let i = 0; i < count; i++) grid.place(i, images.subarray(i * stride, (i + 1) * stride));
  const png = await grid.png();
  await writeOutputFile(path, (append) => append(png));
}
