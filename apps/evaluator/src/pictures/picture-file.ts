/** A picture that is SVG, written as what the file's name asks for. */
import { extname } from 'node:path';
import { svgToPng } from '@srmcmc/figures';
import { writeOutputFile } from '../output-file.ts';

/** Writes `svg` to a file called .svg or .png. */
export async function writePicture(path: string, svg: string): Promise<void> {
  const isPng = extname(path).toLowerCase() === '.png';
  const bytes = isPng ? await svgToPng(svg) : Buffer.from(svg);
  await writeOutputFile(path, (append) => append(bytes));
}
