import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import {
  gaussian,
  type GeneratorModel,
  InvalidArgumentError,
  key,
  split,
  type Key,
  uniform,
  shortRun,
  uniforms,
} from '@srmcmc/core';
import { convEnergy } from '@srmcmc/energy';
import { langevin } from '@srmcmc/langevin';
import { expect, test } from 'vitest';
import { path, perceptualPathLength, smoothness } from '../src/index.ts';

const D = 20;
/** x = 3 z: its path length is nine times that of the latents. */
const tripled: GeneratorModel = {
  latentShape: [D],
  eventShape: [D],
  prior: (drawKey, n) => gaussian([D]).sample(drawKey, n),
  generate: (z) => tf.mul(z, 3),
};

test('even steps have unevenness 1, a single jump has points − 1, and lengths add up', async () => {
  const even = tf.tensor2d([[0], [1], [2], [3]]);
  const jump = tf.tensor2d([[0], [0], [0], [3]]);
  expect(await smoothness(even, 4)).toEqual({ distances: [[1, 1, 1]], length: 3, unevenness: 1 });
  expect(await smoothness(jump, 4)).toEqual({ distances: [[0, 0, 3]], length: 3, unevenness: 3 });
  const both = await smoothness(tf.concat([even, jump]), 4);
  expect([both.length, both.unevenness]).toEqual([3, 2]);
  expect((await smoothness(tf.zeros([4, 2]), 4)).unevenness).toBe(1);
});

test('distances are those of the features that are given', async () => {
  const images = tf.tensor4d([0, 0, 0, 0, 4, 4, 4, 4], [2, 2, 2, 1]);
  expect((await smoothness(images, 2)).length).toBeCloseTo(8, 5);
  const mean = (x: tf.Tensor): tf.Tensor => tf.mean(x, [1, 2]);
  expect((await smoothness(images, 2, mean)).length).toBeCloseTo(4, 5);
});

test('rows that are not whole paths are refused', async () => {
  await expect(smoothness(tf.zeros([5, 2]), 4)).rejects.toThrow(/^x: /);
});

test('the path length of a linear map is the closed form for the very latents it draws', async () => {
  const pairs = 50;
  const epsilon = 1e-3;
  const found = await perceptualPathLength(tripled, key(7), { pairs, epsilon, curve: 'linear' });
  // On straight lines the speed is 3 ‖z₂ − z₁‖ whatever t is.
  const [fromKey, toKey] = split(key(7), 3) as [Key, Key];
  const [from, to] = [tripled.prior(fromKey, pairs), tripled.prior(toKey, pairs)];
  const speeds = (tf.sum(tf.square(tf.mul(tf.sub(to, from), 3)), 1) as tf.Tensor1D).arraySync();
  const mean = speeds.reduce((a, b) => a + b, 0) / pairs;
  const deviation = Math.sqrt(speeds.reduce((sum, speed) => sum + (speed - mean) ** 2, 0) / (pairs - 1));
  expect(found.mean / mean).toBeCloseTo(1, 2);
  expect(found.standardError / (deviation / Math.sqrt(pairs))).toBeCloseTo(1, 2);
  expect(found).toMatchObject({ pairs, epsilon, curve: 'linear' });
});

test('on great circles it is the squared angle times the squared length, for latents of one length', async () => {
  const unit: GeneratorModel = {
    ...tripled,
    prior: (drawKey, n) =>
      tf.tidy(() => {
        const angle = tf.tensor2d(uniforms(drawKey, n, 1), [n, 1]);
        return tf.concat([tf.cos(angle), tf.sin(angle)], 1);
      }),
  };
  const pairs = 40;
  const [fromKey, toKey] = split(key(3), 3) as [Key, Key];
  const [a, b] = [uniforms(fromKey, pairs, 1), uniforms(toKey, pairs, 1)];
  const expected = a.reduce((sum, angle, i) => sum + 9 * (angle - b[i]!) ** 2, 0) / pairs;
  const found = await perceptualPathLength(unit, key(3), { pairs, epsilon: 0.01 });
  expect(found.mean / expected).toBeCloseTo(1, 1);
});

test('batches change nothing, progress counts the pairs, and no tensor is left behind', async () => {
  const before = tf.memory().numTensors;
  const seen: number[] = [];
  const whole = await perceptualPathLength(tripled, key(1), { pairs: 10, batch: 10 });
  const parts = await perceptualPathLength(tripled, key(1), {
    pairs: 10,
    batch: 4,
    onProgress: (pairs) => seen.push(pairs),
  });
  expect(parts.mean).toBeCloseTo(whole.mean, 3);
  expect(seen).toEqual([4, 8, 10]);
  expect(tf.memory().numTensors).toBe(before);
});

test('an abort is heeded and bad numbers are refused', async () => {
  const signal = AbortSignal.abort(new Error('stop'));
  await expect(perceptualPathLength(tripled, key(1), { signal })).rejects.toThrow('stop');
  await expect(perceptualPathLength(tripled, key(1), { epsilon: 2 })).rejects.toThrow(InvalidArgumentError);
  await expect(perceptualPathLength(tripled, key(1), { pairs: 1 })).rejects.toThrow(/^pairs/);
});

test('samples of a short run change gradually along a path', async () => {
  const model = shortRun({
    energy: convEnergy({ imageShape: [8, 8, 3], channels: [4, 8], key: key(1) }),
    kernel: langevin({ drift: 1, noise: 0.01 }),
    steps: 20,
    initial: uniform([8, 8, 3]),
  });
  const points = 16;
  const z = path(model.prior(key(1), 4), model.prior(key(2), 4), { points, curve: 'spherical' });
  const { unevenness } = await smoothness(model.generate(z), points);
  expect(unevenness).toBeGreaterThan(1);
  expect(unevenness).toBeLessThan(2);
});
