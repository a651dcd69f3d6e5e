import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import {
  type ActivationName,
  chainPullback,
  fromFunction,
  InvalidArgumentError,
  key,
  normals,
  runChains,
  shortRun,
  type ShortRun,
  uniform,
} from '@srmcmc/core';
import { type ConvEnergy, convEnergy, loadStateDict, mlpEnergy } from '@srmcmc/energy';
import { langevin, mala } from '@srmcmc/langevin';
import { describe, expect, test } from 'vitest';
import { golden, relativeError, under } from '../../../tools/goldens/golden.ts';

const STEPS = 100;
const SMOOTH: readonly ActivationName[] = ['swish', 'softplus', 'gelu', 'tanh'];

function energyWith(name: ActivationName): ConvEnergy {
  return convEnergy({ imageShape: [8, 8, 3], channels: [8, 16], activation: { name }, key: key(1) });
}

function generatorOf(energy: ConvEnergy, steps = STEPS, jacobian?: 'exact' | 'identity'): ShortRun {
  return shortRun({
    energy,
    kernel: langevin({ drift: 1, noise: 0.01 }),
    steps,
    initial: uniform([8, 8, 3]),
    ...(jacobian === undefined ? {} : { jacobian }),
  });
}

const data = (x: tf.Tensor): Float32Array => x.dataSync() as Float32Array;

describe.each(SMOOTH)('the pullback through 100 steps of a %s net', (name) => {
  test("agrees with PyTorch's autograd through the unrolled chain to 1e-4", () => {
    const expected = under(golden(import.meta.url, 'pullback'), `${name}.`);
    const energy = energyWith(name);
    loadStateDict(energy, new Map([...expected].filter(([tensor]) => tensor.startsWith('f.'))));
    const [z, v] = ['x0', 'v'].map((tensor) => {
      const { data: values, shape } = expected.get(tensor)!;
      return tf.tensor(values, [...shape]);
    }) as [tf.Tensor, tf.Tensor];
    const pullback = generatorOf(energy).pullback(z);
    expect(relativeError(data(pullback.x), expected.get('x')!.data)).toBeLessThan(1e-4);
    expect(relativeError(data(pullback.vjp(v)), expected.get('pulled')!.data)).toBeLessThan(1e-4);
    // The fast path would be visibly wrong here: it is for piecewise-linear nets.
    expect(relativeError(data(v), expected.get('pulled')!.data)).toBeGreaterThan(0.05);
    pullback.dispose();
  });

  test('agrees with finite differences of the generator', () => {
    const model = generatorOf(energyWith(name), 20);
    const z = model.prior(key(2), 2);
    const [v, direction] = [3, 4].map((seed) => tf.tensor(normals(key(seed), 2, 192), z.shape)) as [
      tf.Tensor,
      tf.Tensor,
    ];
    const h = 5e-3;
    const at = (shift: number): tf.Tensor => model.generate(tf.add(z, tf.mul(direction, shift)));
    const numeric = data(tf.sum(tf.mul(v, tf.div(tf.sub(at(h), at(-h)), 2 * h)), [1, 2, 3]));
    const pullback = model.pullback(z);
    const exact = data(tf.sum(tf.mul(direction, pullback.vjp(v)), [1, 2, 3]));
    pullback.dispose();
    exact.forEach((value, i) => expect(Math.abs(value - numeric[i]!)).toBeLessThan(2e-2));
  });
});

test.each(['leakyRelu', 'relu'] as const)(
  'for %s the exact pullback is the identity, which the fast path gives without the Hessian',
  (name) => {
    const energy = energyWith(name);
    const [exact, fast] = [generatorOf(energy), generatorOf(energy, STEPS, 'identity')];
    const z = exact.prior(key(2), 2);
    const v = tf.tensor(normals(key(3), 2, 192), z.shape);
    for (const model of [exact, fast]) {
      const pullback = model.pullback(z);
      expect(relativeError(data(pullback.x), data(model.generate(z)))).toBe(0);
      expect(relativeError(data(pullback.vjp(v)), data(v))).toBe(0);
      pullback.dispose();
    }
  },
);

test('positions are kept after every √K steps and no others, and nothing once it is disposed of', () => {
  const model = generatorOf(energyWith('swish'), 49);
  const z = model.prior(key(2), 2);
  const before = tf.memory().numTensors;
  const pullback = model.pullback(z);
  // The start, the positions after 7, 14, ..., 42 steps, and x.
  expect(tf.memory().numTensors - before).toBe(8);
  const pulled = pullback.vjp(pullback.x);
  expect(tf.memory().numTensors - before).toBe(9);
  pulled.dispose();
  pullback.dispose();
  expect(tf.memory().numTensors).toBe(before);
});

test('schedules, clamps and noise are those of the chain, also in the middle of it', () => {
  const energy = mlpEnergy({ dimension: 3, hidden: [16], key: key(1) });
  const kernel = langevin({
    drift: (step) => 0.5 / (1 + step),
    noise: 0.1,
    clampGradient: 0.2,
    clampSample: [-0.9, 0.9],
  });
  const start = tf.mul(tf.tensor2d(normals(key(2), 5, 3), [5, 3]), 0.7);
  const v = tf.tensor2d(normals(key(3), 5, 3), [5, 3]);
  const options = { energy, kernel, steps: 10 };
  const pullback = chainPullback(options, start, key(4));
  const { x } = runChains(options, start, key(4));
  expect(relativeError(data(pullback.x), data(x))).toBe(0);
  const pulled = data(pullback.vjp(v));
  const h = 1e-3;
  for (let j = 0; j < 3; j++) {
    const unit = tf.tensor2d(
      [0, 1, 2].map((axis) => (axis === j ? h : 0)),
      [1, 3],
    );
    const [ahead, behind] = [tf.add(start, unit), tf.sub(start, unit)].map(
      (from) => runChains(options, from, key(4)).x,
    );
    const numeric = data(tf.sum(tf.mul(v, tf.div(tf.sub(ahead!, behind!), 2 * h)), 1));
    numeric.forEach((value, i) => expect(Math.abs(value - pulled[3 * i + j]!)).toBeLessThan(1e-2));
  }
});

test('kernels that are not differentiable, energies without Hessians and other shapes are refused', () => {
  const energy = energyWith('swish');
  const start = uniform([8, 8, 3]).sample(key(1), 2);
  const accepting = { energy, kernel: mala({ stepSize: 0.1 }), steps: 4 };
  expect(() => chainPullback(accepting, start)).toThrow(InvalidArgumentError);
  const model = generatorOf(energy, 4);
  const pullback = model.pullback(start);
  expect(() => pullback.vjp(tf.zeros([2, 3]))).toThrow(/^v: /);
  const { hessianVectorProduct: _none, ...bare } = fromFunction((x) => tf.sum(x, 1) as tf.Tensor1D, [2]);
  const flat = shortRun({
    energy: bare,
    kernel: langevin({ stepSize: 0.1 }),
    steps: 2,
    initial: uniform([2]),
  });
  expect(() => flat.pullback(tf.zeros([1, 2])).vjp(tf.ones([1, 2]))).toThrow(/hessianVectorProduct/);
});
