/**
 * Texture synthesis from one image, as FRAME was made for: `texture.ts image.jpg another.png` makes a texture of each, by
 * two sets of statistics. `--out picture.svg` (or .png) draws them beside the images, `--save folder` keeps each as PNG.
 * `--full` has the budget behind docs/texture.md; Ctrl-C ends with what there is.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { selectBackend } from '@srmcmc/backends';
import { InvalidArgumentError, key } from '@srmcmc/core';
import { imageTable, pixelsToPng, svgToPng } from '@srmcmc/figures';
import { progress } from './theory/progress.ts';
import { readGrey, toGrey } from './texture/grey.ts';
import { synthesise } from './texture/synthesise.ts';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    full: { type: 'boolean', default: false },
    size: { type: 'string', default: '64' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string' },
    save: { type: 'string' },
  },
});
const [size, seed] = [Number(flags.size), Number(flags.seed)];
const iterations = flags.full ? 400 : 3;
const files =
  positionals.length > 0
    ? positionals
    : ['gravel', 'brick'].map((name) => fileURLToPath(new URL(`texture/${name}.png`, import.meta.url)));

await selectBackend('auto');
const interruption = new AbortController();
const { signal } = interruption;
process.once('SIGINT', () => interruption.abort());
const rows = [];
for (const file of files) {
  const { name } = parse(file);
  const { standardised, ...scale } = await readGrey(file);
  const [, height, width] = standardised.shape;
  if (!(Number.isInteger(size) && size >= 32 && size <= Math.min(height, width))) {
    throw new InvalidArgumentError(
      'size',
      `must be from 32 to the lesser side of ${name}, ${Math.min(height, width)}, got ${flags.size}`,
    );
  }
  const corner = tf.slice(standardised, [0, 0, 0, 0], [1, size, size, 1]);
  const images = [await toGrey(corner, scale)];
  for (const statistics of ['histograms', 'products'] as const) {
    if (signal.aborted) break;
    const texture = { observed: standardised, size, statistics, iterations, key: key(seed) };
    const started = performance.now();
    const onProgress = progress(5, (share, left) =>
      console.error(`${name}, ${statistics}: ${(100 * share).toFixed(0)} %, ${left.toFixed(0)} s left`),
    );
    const made = await synthesise(texture, { signal, onProgress });
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    console.log(
      `${name}: ${made.iterations} iterations in ${seconds} s; ${made.features} features of ${statistics} differ by ` +
        `${made.difference.toFixed(4)} in the mean, those of noise by ${made.atFirst.toFixed(4)}`,
    );
    const pixels = await toGrey(made.x, scale);
    images.push(pixels);
    if (flags.save !== undefined) {
      await mkdir(flags.save, { recursive: true });
      const png = await pixelsToPng(pixels, [size, size, 1]);
      await writeFile(join(flags.save, `${name}-${statistics}.png`), png);
    }
    made.x.dispose();
  }
  tf.dispose([standardised, corner]);
  rows.push({ label: name, images });
  if (signal.aborted) break;
}

if (flags.out !== undefined) {
  const title = 'the image, from histograms, from products';
  const svg = await imageTable({ title, shape: [size, size, 1], rows });
  await writeFile(flags.out, flags.out.endsWith('.png') ? await svgToPng(svg) : svg);
}
