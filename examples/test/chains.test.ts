import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { fromFunction, gaussian, key, normals } from '@srmcmc/core';
import { expect, test } from 'vitest';
import { normalised } from '../theory/finite.ts';
import { forces } from '../theory/forces.ts';
import { gridPoints, langevinOnGrid } from '../theory/grid-chain.ts';
import { explainedByTwins, memoryOnGrid } from '../theory/memory.ts';

const bowl = fromFunction((x) => tf.mul(tf.sum(tf.square(x), 1), -0.5) as tf.Tensor1D, [2]);

test('on a Gaussian the parts of a chain have the lengths of the closed form', async () => {
  const [drift, noise, steps, n] = [0.1, 0.3, 12, 4000];
  const start = gaussian([2], { scale: 2 }).sample(key(1), n);
  const before = tf.memory().numTensors;
  const found = await forces(bowl, { drift, noise }, steps, start, key(2));
  expect(tf.memory().numTensors).toBe(before);
  // x ← (1 − c) x + s U for each of two coordinates: E x² goes as (1 − c)² E x² + s².
  let square = 4;
  for (let k = 0; k < steps; k++) {
    // A mean of n squared lengths, each as spread as it is large: five standard errors.
    const tolerance = 5 / Math.sqrt(n);
    expect(Math.abs(found.gradientParts[k]! / (2 * drift ** 2 * square) - 1)).toBeLessThan(tolerance);
    expect(Math.abs(found.noiseParts[k]! / (2 * noise ** 2) - 1)).toBeLessThan(tolerance);
    square = (1 - drift) ** 2 * square + noise ** 2;
  }
  expect(Math.abs(found.noise / (2 * steps * noise ** 2) - 1)).toBeLessThan(5 / Math.sqrt(n));
  // x_K − x_0 = (a^K − 1) x_0 + s Σ a^(K−1−k) U_k, with a = 1 − c.
  const a = 1 - drift;
  const moved = 2 * (4 * (a ** steps - 1) ** 2 + (noise ** 2 * (1 - a ** (2 * steps))) / (1 - a ** 2));
  expect(Math.abs(found.moved / moved - 1)).toBeLessThan(5 / Math.sqrt(n));
});

test('the memory of an autoregression is that of the closed form', () => {
  // Langevin on a Gaussian of variance v: x_K = a^K z + noise, a = 1 − Δ²/2v, wide enough a grid for no edge.
  const [variance, stepSize] = [0.5, 0.3];
  const points = gridPoints(-5, 5, 200);
  const start = normalised(points.map((x) => Math.exp(-(x ** 2) / (2 * variance))));
  const chain = langevinOnGrid(
    points,
    points.map((x) => -(x ** 2) / (2 * variance)),
    stepSize,
  );
  const a = 1 - stepSize ** 2 / (2 * variance);
  for (const { steps, information, explained } of memoryOnGrid(chain, points, start, 6)) {
    const noise = (stepSize ** 2 * (1 - a ** (2 * steps))) / (1 - a ** 2);
    const share = (a ** (2 * steps) * variance) / (a ** (2 * steps) * variance + noise);
    expect(explained).toBeCloseTo(share, 3);
    expect(information).toBeCloseTo(-Math.log(1 - share) / 2, 3);
  }
});

test.each([0, 0.3, 0.9])('twins tell the share that z explains: %f', (share) => {
  const n = 5000;
  const [z, ...noise] = [0, 1, 2].map((step) => normals(key(5), n, 2, step)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const [x, twin] = noise.map((own) =>
    own.map((value, i) => 3 + Math.sqrt(share) * z[i]! + Math.sqrt(1 - share) * value),
  ) as [Float32Array, Float32Array];
  const { explained, error } = explainedByTwins(x, twin, 2);
  expect(error).toBeLessThan(0.02);
  expect(Math.abs(explained - share)).toBeLessThan(5 * error);
});
