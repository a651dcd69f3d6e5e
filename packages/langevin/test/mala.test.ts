import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, test } from 'vitest';
import { fromFunction, gaussian, key, normal, runChains, shortRun, uniform, uniforms } from '@srmcmc/core';
import { generatorConformance, kernelConformance } from '@srmcmc/core/testing';
import { convEnergy } from '@srmcmc/energy';
import { mala, type MalaOptions } from '@srmcmc/langevin';

const code = (expected: string): unknown => expect.objectContaining({ code: expected });

describe('mala with one step size', () => {
  for (const { name, run } of kernelConformance(() => mala({ stepSize: 0.5 }))) test(name, run);
});

describe('mala with drift and noise', () => {
  for (const { name, run } of kernelConformance(() => mala({ drift: 0.1, noise: 0.3 }))) test(name, run);
});

describe('a short run of mala', () => {
  const generator = () =>
    shortRun({
      energy: convEnergy({ imageShape: [8, 8, 3], channels: [4, 8], key: key(1) }),
      kernel: mala({ stepSize: 0.1 }),
      steps: 5,
      initial: uniform([8, 8, 3]),
    });
  for (const { name, run } of generatorConformance(generator)) test(name, run);
});

const quartic = fromFunction((x) => tf.neg(tf.sum(tf.pow(x, 4), 1)) as tf.Tensor1D, [2]);
const [f, score] = [(x: number[]) => -x.reduce((sum, v) => sum + v ** 4, 0), (v: number) => -4 * v ** 3];

test.each<[string, MalaOptions, number, number, number]>([
  ['one step size', { stepSize: 0.6 }, 0.18, 0.6, 1],
  ['drift and noise at temperature 2', { drift: 0.05, noise: Math.sqrt(0.2) }, 0.05, Math.sqrt(0.2), 2],
])(
  'a step with %s is the proposal of Roberts and Tweedie, tested by their ratio',
  (_name, options, c, s, temperature) => {
    const kernel = mala(options);
    const start = gaussian([2], { scale: 0.8 }).sample(key(1), 200);
    const { state, info } = kernel.step(quartic, kernel.init(quartic, start), key(2));
    const [from, draws] = [start.arraySync(), normal(key(2), [200, 2]).arraySync()] as [
      number[][],
      number[][],
    ];
    const test = uniforms(key(2), 200, 1);
    const [to, acceptance] = [state.x.arraySync() as number[][], info.acceptance!.arraySync()];
    let rejected = 0;
    from.forEach((x, i) => {
      const y = x.map((v, j) => v + c * score(v) + s * draws[i]![j]!);
      const logDensity = (to: number[], from: number[]): number =>
        to.reduce((sum, v, j) => sum - (v - from[j]! - c * score(from[j]!)) ** 2 / (2 * s ** 2), 0);
      const ratio = Math.exp((f(y) - f(x)) / temperature + logDensity(x, y) - logDensity(y, x));
      expect(Math.abs(acceptance[i]! - Math.min(1, ratio))).toBeLessThan(1e-5);
      // Too close to call in single precision.
      if (Math.abs(test[i]! - ratio) < 1e-5) return;
      const expected = test[i]! < ratio ? y : x;
      if (expected === x) rejected++;
      expected.forEach((v, j) => expect(Math.abs(to[i]![j]! - v)).toBeLessThan(1e-5));
    });
    expect(rejected).toBeGreaterThan(10);
    expect(rejected).toBeLessThan(190);
  },
);

test('with drift and noise apart, exp(f/T) with T = noise²/2·drift is what chains stay in', () => {
  // On −x²/2 at temperature 3 that is N(0, 3); steps large enough that the unadjusted chain would have 4.
  const bowl = fromFunction((x) => tf.mul(tf.sum(tf.square(x), 1), -0.5) as tf.Tensor1D, [1]);
  const chains = 8000;
  const start = gaussian([1], { scale: Math.sqrt(3) }).sample(key(3), chains);
  const kernel = mala({ drift: 0.5, noise: Math.sqrt(3) });
  const { x } = runChains({ energy: bowl, kernel, steps: 25 }, start, key(4));
  const variance = tf.mean(tf.square(x)).arraySync() as number;
  expect(Math.abs(variance / 3 - 1)).toBeLessThan(5 * Math.sqrt(2 / chains));
});

test('a proposal where f is not a number is rejected', async () => {
  const half = fromFunction((x) => tf.squeeze(tf.log(x), [1]) as tf.Tensor1D, [1]);
  const start = tf.fill([200, 1], 0.5);
  const kernel = mala({ stepSize: 0.8 });
  const { state } = kernel.step(half, kernel.init(half, start), key(5));
  const x = await state.x.data();
  expect(x.every((v) => v > 0)).toBe(true);
  expect(x.some((v) => v === 0.5)).toBe(true);
  expect((await state.grad.data()).every(Number.isFinite)).toBe(true);
});

describe('mala refuses', () => {
  test.each<[string, MalaOptions]>([
    ['a step size of 0', { stepSize: 0 }],
    ['no drift', { drift: 0, noise: 0.1 }],
    ['no noise', { drift: 0.1, noise: 0 }],
    ['a misspelt coefficient', { stepsize: 0.1 } as never],
  ])('%s', (_name, options) => {
    expect(() => mala(options)).toThrow(code('INVALID_ARGUMENT'));
  });
});
