/** What the moments of FRAME are learned and compared with. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Dataset, foldIn, key, normals } from '@srmcmc/core';
import { functionFeatures, linearEnergy } from '@srmcmc/energy';
import { type FeatureSet, featureSet } from '@srmcmc/metrics';
import { conditioned, onTheWay } from '../frame/conditioned.ts';
import { agreement, normalQuantile } from '../frame/gaps.ts';
import { bytesOf, patchesOf } from '../frame/patches.ts';
import { cholesky, multiply, transpose } from '../theory/linear-algebra.ts';

beforeAll(() => tf.setBackend('cpu'));

describe('patchesOf', () => {
  /** Image i: red grows to the right and green downwards, by 4 and by 3 a pixel, blue is i. */
  const ramps: Dataset = {
    name: 'ramps',
    shape: [32, 32, 3],
    size: 50,
    dtype: 'uint8',
    gather: async (indices) =>
      Uint8Array.from(
        Array.from(indices).flatMap((index) =>
          Array.from({ length: 32 * 32 }, (_, p) => [4 * (p % 32), 3 * Math.floor(p / 32), index]).flat(),
        ),
      ),
  };

  test('are squares of neighbouring pixels, grey by the weights of BT.601', async () => {
    const [patch] = (await tf
      .squeeze(await patchesOf(ramps, Uint32Array.of(7)), [3])
      .array()) as number[][][];
    const grey = patch!.map((row) => row.map((value) => (value + 1) * 127.5 - 0.114 * 7));
    for (let y = 0; y < 16; y++) {
      for (let x = 0; x < 16; x++) {
        const expected = grey[0]![0]! + 0.299 * 4 * x + 0.587 * 3 * y;
        expect(grey[y]![x]).toBeCloseTo(expected, 3);
      }
    }
  });

  test('lie at a place of their own, whatever they are asked for with', async () => {
    const all = await patchesOf(
      ramps,
      Uint32Array.from({ length: 50 }, (_, i) => i),
    );
    const one = await patchesOf(ramps, Uint32Array.of(31));
    expect(await one.data()).toEqual(await tf.slice(all, 31, 1).data());
    const corners = (await tf.slice(all, [0, 0, 0, 0], [50, 1, 1, 1]).data()) as Float32Array;
    expect(new Set(corners).size).toBeGreaterThan(40);
  });

  test('are drawn as bytes', async () => {
    const drawn = await bytesOf(tf.tensor4d([-1, 0, 1, 1.5], [2, 1, 2, 1]));
    expect(drawn).toEqual([Uint8Array.of(0, 128), Uint8Array.of(255, 255)]);
  });
});

describe('conditioned', () => {
  const turn = [
    [0.6, 0.8, 0],
    [-0.8, 0.6, 0],
    [0, 0, 1],
  ];
  // Rows of lengths 100, 1 and 0.01, at right angles: E[∂h/∂x (∂h/∂x)ᵀ] has their squares on its diagonal.
  const A = turn.map((row, i) => row.map((value) => value * 100 ** (1 - i)));
  const features = functionFeatures({
    eventShape: [3],
    dimension: 3,
    apply: (x) => tf.matMul(x as tf.Tensor2D, tf.transpose(tf.tensor2d(A))),
  });
  const data = tf.tensor2d(normals(key(1), 40, 3), [40, 3]);

  test('features answer alike in all directions, and are 0 on average over the data', async () => {
    const made = await conditioned(features, data, data);
    const columns = await tf.sub<tf.Tensor2D>(made.apply(tf.eye(3)), made.apply(tf.zeros([1, 3]))).array();
    const squares = multiply(transpose(columns), columns);
    squares.forEach((row, i) =>
      row.forEach((value, j) => expect(value).toBeCloseTo(i === j ? 1 / 1.01 : 0, 4)),
    );
    for (const mean of await tf.mean(made.apply(data), 0).data()) expect(mean).toBeCloseTo(0, 4);
  });

  test('θ goes there and back, and its energy differs by a constant alone', async () => {
    const made = await conditioned(features, data, data);
    const theta = tf.tensor1d([1, -2, 0.5]);
    const back = made.plain(made.conditioned(theta));
    (await back.array()).forEach((value, i) => expect(value).toBeCloseTo(theta.arraySync()[i]!, 4));
    const before = linearEnergy({ features, theta: [1, -2, 0.5] });
    const after = linearEnergy({ features: made, theta: made.conditioned(theta).arraySync() });
    const differences = tf.sub(before.negativeEnergy(data), after.negativeEnergy(data));
    expect(Math.max(...tf.abs(tf.sub(differences, tf.mean(differences))).dataSync())).toBeLessThan(1e-3);
  });

  test('places on the way are noise first and data last', async () => {
    const way = onTheWay(data, 40, key(4));
    const [ofData, ofNoise] = [tf.slice(way, 39), tf.slice(way, 0, 1)];
    const last = await tf.slice(data, 39, 1).data();
    (await ofData.data()).forEach((value, i) => expect(value).toBeCloseTo(last[i]!, 6));
    for (const value of await ofNoise.data()) expect(Math.abs(value)).toBeLessThanOrEqual(1);
    expect(await way.data()).not.toEqual(await data.data());
  });

  test('they leave no tensor behind once disposed of', async () => {
    const { numTensors } = tf.memory();
    const made = await conditioned(features, data, data);
    expect(tf.memory().numTensors).toBe(numTensors + 3);
    made.dispose();
    expect(tf.memory().numTensors).toBe(numTensors);
  });
});

describe('agreement', () => {
  const DIMENSION = 5;
  const draws = (seed: number, n: number, shift = 0): FeatureSet =>
    featureSet(
      normals(key(seed), n, DIMENSION).map((z, i) => (i % DIMENSION === 2 ? z + shift : z)),
      DIMENSION,
    );

  test('of sets of one law is found in nine of ten cases or more', () => {
    // 40 cases with a rate of 5 %: ten or more are a matter of 2 in 100,000.
    const wrong = Array.from({ length: 40 }, (_, i) => agreement(draws(2 * i, 150), draws(2 * i + 1, 200)));
    expect(wrong.filter(({ beyond }) => beyond > 0).length).toBeLessThan(10);
  });

  test('is not found where one mean of five differs by five standard errors', () => {
    const found = agreement(draws(100, 400, 0.5), draws(101, 400));
    expect(found.beyond).toBe(1);
    expect(found.gaps.find(({ z }) => Math.abs(z!) > found.bar)?.features).toEqual([2]);
    expect(found.largest).toBeGreaterThan(found.bar);
  });

  test('is not found for a feature that never varies', () => {
    const constant = featureSet(new Float32Array(20).fill(1), 1);
    expect(agreement(constant, constant)).toMatchObject({ beyond: 1, beyondAlone: 1 });
  });
});

test('normal quantiles are those of scipy.stats.norm.isf', () => {
  expect(normalQuantile(0.025)).toBeCloseTo(1.959963984540054, 7);
  expect(normalQuantile(0.05 / 2 / 126)).toBeCloseTo(3.542186105472275, 7);
  expect(normalQuantile(1e-9)).toBeCloseTo(5.9978070150076865, 7);
});

test('a Cholesky factor is lower triangular and gives its matrix back', () => {
  const root = Array.from({ length: 6 }, (_, i) => Array.from(normals(foldIn(key(3), i), 1, 6)));
  const matrix = multiply(root, transpose(root));
  const L = cholesky(matrix);
  L.forEach((row, i) => expect(row.slice(i + 1).every((value) => value === 0)).toBe(true));
  multiply(L, transpose(L)).forEach((row, i) =>
    row.forEach((value, j) => expect(value).toBeCloseTo(matrix[i]![j]!, 9)),
  );
  expect(() =>
    cholesky([
      [1, 2],
      [2, 1],
    ]),
  ).toThrow(RangeError);
});
