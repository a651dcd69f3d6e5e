/**
 * Between two latents of a short run: where the samples go, and how evenly they move. `--out file.svg` for a figure.
 */
import { writeFile } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { gaussian, key, shortRun } from '@srmcmc/core';
import { lineChart } from '@srmcmc/figures';
import { path, smoothness } from '@srmcmc/interpolation';
import { langevin } from '@srmcmc/langevin';
import { commandLine } from './shared/command-line.ts';

const { values: flags } = await commandLine('[--out file.svg]', { out: { type: 'string' } });
const POINTS = 24;
const PATHS = 3;

/** log p of a ring of radius 2, up to a constant. */
const ring = (x: tf.Tensor) => tf.mul(tf.square(tf.sub(tf.norm(x, 'euclidean', 1), 2)), -20) as tf.Tensor1D;
const model = shortRun({
  energy: ring,
  kernel: langevin({ stepSize: 0.1 }),
  steps: 50,
  initial: gaussian([2]),
});

const [from, to] = [model.prior(key(1), PATHS), model.prior(key(2), PATHS)];
for (const curve of ['variance-preserving', 'spherical', 'linear'] as const) {
  // Without a key the step noise is off: x = M(z).
  const x = model.generate(path(from, to, { points: POINTS, curve }));
  const { length, unevenness } = await smoothness(x, POINTS);
  console.log(`${curve}: length ${length.toFixed(2)}, largest step ${unevenness.toFixed(1)} times the mean`);
  if (flags.out === undefined || curve !== 'variance-preserving') continue;
  const places = (await x.array()) as [number, number][];
  const figure = lineChart({
    title: 'Paths through a short run on a ring',
    xLabel: 'x₁',
    yLabel: 'x₂',
    width: 460,
    height: 460,
    series: Array.from({ length: PATHS }, (_, i) => ({
      label: `path ${i + 1}`,
      points: places.slice(i * POINTS, (i + 1) * POINTS),
      style: 'dots' as const,
    })),
  });
  await writeFile(flags.out, figure);
}
