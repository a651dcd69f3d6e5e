/**
 * Texture synthesis from one image, as FRAME was made for: `texture.ts image.jpg another.png` makes a texture of each, by
 * two sets of statistics. `--out picture.svg` (or .png) draws them beside the images, `--save folder` keeps each as PNG.
 * `--full` has the budget behind docs/texture.md; Ctrl-C ends with what there is.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { selectBackend } from '@srmcmc/backends';
import { storing } from '@srmcmc/checkpoint';
import { InvalidArgumentError, key, requireInteger } from '@srmcmc/core';
import { imageTable, pixelsToPng, svgToPng } from '@srmcmc/figures';
import { commandLine } from './shared/command-line.ts';
import { progress } from './shared/progress.ts';
import { readGrey, toGrey } from './texture/grey.ts';
import { synthesise } from './texture/synthesise.ts';

const COLUMNS = ['the image', 'from histograms', 'from products'];
const LEAST_SIZE = 32;

const { values: flags, positionals } = await commandLine(
  `[image ...] [--full] [--size 64] [--seed 1] [--out picture.svg] [--save folder]
  image   any image files; gravel and bricks unless given
  --full  the budget behind docs/texture.md
  --size  side of the texture in pixels, from 32 to the lesser side of an image
  --out   draws the textures beside the images, .svg or .png
  --save  keeps each texture as PNG`,
  {
    full: { type: 'boolean', default: false },
    size: { type: 'string', default: '64' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string' },
    save: { type: 'string' },
  },
  { allowPositionals: true },
);
const [size, seed] = [Number(flags.size), Number(flags.seed)];
requireInteger('size', size, LEAST_SIZE);
requireInteger('seed', seed, 0);
if (flags.out !== undefined && !/\.(png|svg)$/.test(flags.out)) {
  throw new InvalidArgumentError('out', `must end in .png or .svg, got '${flags.out}'`);
}
const folder = flags.save;
if (folder !== undefined) await storing(folder, () => mkdir(folder, { recursive: true }));
const iterations = flags.full ? 400 : 3;
const files =
  positionals.length > 0
    ? positionals
    : ['gravel', 'brick'].map((name) => fileURLToPath(new URL(`texture/${name}.png`, import.meta.url)));

await selectBackend('auto');
const images = [];
for (const file of files) images.push({ name: parse(file).name, ...(await readGrey(file)) });
for (const { name, standardised } of images) {
  const [, height, width] = standardised.shape;
  const least = Math.min(height, width);
  if (size > least)
    throw new InvalidArgumentError(
      'size',
      `must be at most the lesser side of ${name}, ${least}, got ${size}`,
    );
}

const interruption = new AbortController();
const { signal } = interruption;
process.once('SIGINT', () => interruption.abort());
const rows = [];
for (const { name, standardised, ...scale } of images) {
  const corner = tf.slice(standardised, [0, 0, 0, 0], [1, size, size, 1]);
  const shown = [await toGrey(corner, scale)];
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
    shown.push(pixels);
    if (folder !== undefined) {
      const png = await pixelsToPng(pixels, [size, size, 1]);
      await writeFile(join(folder, `${name}-${statistics}.png`), png);
    }
    made.x.dispose();
  }
  tf.dispose([standardised, corner]);
  rows.push({ label: name, images: shown });
  if (signal.aborted) break;
}

if (flags.out !== undefined) {
  // Stopped, it has no column of what it did not come to.
  const columns = Math.max(...rows.map((row) => row.images.length));
  const title = COLUMNS.slice(0, columns).join(', ') + (signal.aborted ? '; stopped early' : '');
  const svg = await imageTable({ title, shape: [size, size, 1], rows });
  await writeFile(flags.out, flags.out.endsWith('.png') ? await svgToPng(svg) : svg);
}
