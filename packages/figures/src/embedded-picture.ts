/** Pixels within an SVG picture, which then needs no file beside it. */
import type { Frame } from './plot.ts';
import { pixelsToPng } from './png.ts';

/** Pixels stretched to the frame: blended into each other, or with `sharp` each a rectangle. */
export async function embedPixels(
  { left, top, width, height }: Frame,
  pixels: Uint8Array,
  shape: readonly [height: number, width: number, channels: 1 | 3],
  sharp = false,
): Promise<string> {
  const png = Buffer.from(await pixelsToPng(pixels, shape)).toString('base64');
  const rendering = sharp ? 'style="image-rendering:pixelated" ' : '';
  return (
    `<image x="${left}" y="${top}" width="${width}" height="${height}" preserveAspectRatio="none" ` +
    `${rendering}href="data:image/png;base64,${png}"/>`
  );
}
