/** A picture that is SVG, written as what the file's name asks for. */
import { extname } from 'node:path';
import sharp from 'sharp';
import { writeOutputFile } from '../output-file.ts';

/** Twice the pixels, for sharp text on sharp screens. */
const DENSITY = 144;

/** Writes `svg` to a file called .svg or .png. */
export async function writePicture(path: string, svg: string): Promise<void> {
  const source = Buffer.from(svg);
  const isPng = extname(path).toLowerCase() === '.png';
  const bytes = isPng ? await sharp(source, { density: DENSITY }).png().toBuffer() : source;
  await writeOutputFile(path, (append) => append(bytes));
}
