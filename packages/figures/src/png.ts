/** Pictures as files of pixels. */
import sharp from 'sharp';

/** Twice the pixels of SVG's 72 to the inch, for sharp text on sharp screens. */
const DENSITY = 144;

/** An SVG picture as the bytes of a PNG, two pixels for one of its units. */
export async function svgToPng(svg: string): Promise<Uint8Array> {
  return sharp(Buffer.from(svg), { density: DENSITY })
    .png({ compressionLevel: 9, adaptiveFiltering: true })
    .toBuffer();
}

/** Grey (1 channel) or RGB (3) bytes [height, width, channels] as the bytes of a PNG. */
export async function pixelsToPng(
  pixels: Uint8Array,
  [height, width, channels]: readonly [height: number, width: number, channels: 1 | 3],
): Promise<Uint8Array> {
  return sharp(pixels, { raw: { width, height, channels }, limitInputPixels: false })
    .png({ compressionLevel: 9, adaptiveFiltering: true })
    .toBuffer();
}

/** The same pixels as WebP without loss, which for pictures of samples takes half the bytes of PNG. */
export async function pngToWebp(png: Uint8Array): Promise<Uint8Array> {
  return sharp(png, { limitInputPixels: false }).webp({ lossless: true }).toBuffer();
}
