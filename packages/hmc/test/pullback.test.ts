/** The derivative of short-run HMC in its latent, where there is one. */
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
  uniform,
} from '@srmcmc/core';
import { generatorConformance, kernelConformance } from '@srmcmc/core/testing';
import { convEnergy, loadStateDict, mlpEnergy } from '@srmcmc/energy';
import { hmc, type HmcOptions } from '@srmcmc/hmc';
import { mala, underdamped } from '@srmcmc/langevin';
import { describe, expect, test } from 'vitest';
import { golden, relativeError, under } from '../../../tools/goldens/golden.ts';

const data = (x: tf.Tensor): Float32Array => x.dataSync() as Float32Array;
const unadjusted = { stepSize: 0.25, leapfrogSteps: 5, metropolis: false } as const;
const energyWith = (name: ActivationName) =>
  convEnergy({ imageShape: [8, 8, 3], channels: [8, 16], activation: { name }, key: key(1) });
const dense = [
  [0.5, 0.1, 0],
  [0.1, 1, 0.3],
  [0, 0.3, 2],
];

describe.each<[string, Partial<HmcOptions>]>([
  ['unit mass', {}],
  ['diagonal mass and jitter', { inverseMass: [0.25, 1, 2], jitter: 0.4 }],
  ['dense mass', { inverseMass: dense }],
  ['one leapfrog step at another temperature', { leapfrogSteps: 1, temperature: 2 }],
])('hmc without the test, %s', (_name, options) => {
  const make = () => hmc({ ...unadjusted, ...options });
  for (const { name, run } of kernelConformance(make)) test(name, run);
});

describe('a short run of hmc without the test', () => {
  const generator = () =>
    shortRun({
      energy: energyWith('swish'),
      kernel: hmc(unadjusted),
      steps: 4,
      initial: uniform([8, 8, 3]),
    });
  for (const { name, run } of generatorConformance(generator)) test(name, run);
});

test.each(['swish', 'softplus', 'gelu', 'tanh'] as const)(
  "%s: through 20 steps of 5 leapfrog steps it agrees with PyTorch's autograd to 1e-4",
  (name) => {
    const tensors = golden(import.meta.url, 'pullback');
    const expected = under(tensors, `${name}.`);
    const energy = energyWith(name);
    loadStateDict(energy, new Map([...expected].filter(([tensor]) => tensor.startsWith('f.'))));
    const [z, v] = ['x0', 'v'].map((tensor) => {
      const { data: values, shape } = expected.get(tensor)!;
      return tf.tensor(values, [...shape]);
    }) as [tf.Tensor, tf.Tensor];
    const kernel = hmc({ ...unadjusted, inverseMass: [...tensors.get('inverse_mass')!.data] });
    const model = shortRun({ energy, kernel, steps: 20, initial: uniform([8, 8, 3]) });
    const pullback = model.pullback(z);
    expect(relativeError(data(pullback.x), expected.get('x')!.data)).toBeLessThan(1e-4);
    expect(relativeError(data(pullback.vjp(v)), expected.get('pulled')!.data)).toBeLessThan(1e-4);
    // The identity would be visibly wrong.
    expect(relativeError(data(v), expected.get('pulled')!.data)).toBeGreaterThan(0.05);
    pullback.dispose();
    energy.dispose();
  },
);

test('with momenta, jitter, a mass and a schedule it agrees with finite differences, also in the middle of a chain', () => {
  const energy = mlpEnergy({ dimension: 3, hidden: [16], activation: { name: 'tanh' }, key: key(1) });
  const kernel = hmc({
    stepSize: (step) => 0.4 / (1 + step / 5),
    leapfrogSteps: 3,
    metropolis: false,
    temperature: 0.1,
    inverseMass: [0.5, 1, 2],
    jitter: 0.3,
  });
  const start = tf.tensor2d(normals(key(2), 5, 3), [5, 3]);
  const v = tf.tensor2d(normals(key(3), 5, 3), [5, 3]);
  const options = { energy, kernel, steps: 10 };
  const pullback = chainPullback(options, start, key(4));
  const pulled = data(pullback.vjp(v));
  expect(relativeError(pulled, data(v))).toBeGreaterThan(0.02);
  const h = 3e-3;
  for (let j = 0; j < 3; j++) {
    const unit = tf.tensor2d(
      [0, 1, 2].map((axis) => (axis === j ? h : 0)),
      [1, 3],
    );
    const [ahead, behind] = [tf.add(start, unit), tf.sub(start, unit)].map(
      (from) => runChains(options, from, key(4)).x,
    );
    const numeric = data(tf.sum(tf.mul(v, tf.div(tf.sub(ahead!, behind!), 2 * h)), 1));
    numeric.forEach((value, i) => expect(Math.abs(value - pulled[3 * i + j]!)).toBeLessThan(5e-3));
  }
});

test.each(['leakyRelu', 'relu'] as const)('for %s it is the identity, as the fast path has it', (name) => {
  const energy = energyWith(name);
  const options = { energy, kernel: hmc(unadjusted), steps: 9, initial: uniform([8, 8, 3]) };
  const z = options.initial.sample(key(2), 2);
  const v = tf.tensor(normals(key(3), 2, 192), z.shape);
  for (const jacobian of ['exact', 'identity'] as const) {
    const pullback = shortRun({ ...options, jacobian }).pullback(z);
    expect(relativeError(data(pullback.vjp(v)), data(v))).toBe(0);
    pullback.dispose();
  }
});

test('positions are kept after every √K steps and no others, and nothing once it is disposed of', () => {
  const model = shortRun({
    energy: energyWith('swish'),
    kernel: hmc({ ...unadjusted, leapfrogSteps: 2 }),
    steps: 16,
    initial: uniform([8, 8, 3]),
  });
  const z = model.prior(key(2), 2);
  const before = tf.memory().numTensors;
  const pullback = model.pullback(z);
  // The start, the positions after 4, 8 and 12 steps, and x.
  expect(tf.memory().numTensors - before).toBe(5);
  pullback.vjp(pullback.x).dispose();
  pullback.dispose();
  expect(tf.memory().numTensors).toBe(before);
});

describe('what has no derivative is refused, and the error says why', () => {
  const start = uniform([8, 8, 3]).sample(key(1), 2);
  test.each([
    ['the Metropolis test', hmc({ ...unadjusted, metropolis: true }), /Metropolis test.*`metropolis: false`/],
    ['persistent momentum', hmc({ ...unadjusted, persistence: 0.5 }), /momentum persists.*`persistence: 0`/],
    ['mala', mala({ stepSize: 0.1 }), /Metropolis test/],
    ['underdamped dynamics', underdamped({ stepSize: 0.1, friction: 1 }), /momentum persists/],
  ] as const)('%s', (_name, kernel, why) => {
    const pull = () =>
      chainPullback({ energy: energyWith('swish'), kernel: kernel as never, steps: 4 }, start);
    expect(pull).toThrow(InvalidArgumentError);
    expect(pull).toThrow(why);
    const fast = () =>
      shortRun({
        energy: energyWith('leakyRelu'),
        kernel: kernel as never,
        steps: 4,
        initial: uniform([8, 8, 3]),
        jacobian: 'identity',
      });
    expect(fast).toThrow(InvalidArgumentError);
    expect(fast).toThrow(/jacobian: cannot be 'identity' for/);
    expect(fast).toThrow(why);
  });

  test("a kernel of one's own that is calibrated and says no reason", () => {
    const kernel = { ...hmc(unadjusted), calibrated: true };
    const options = { energy: energyWith('leakyRelu'), kernel, steps: 4, initial: uniform([8, 8, 3]) };
    expect(() => shortRun({ ...options, jacobian: 'identity' })).toThrow(
      /jacobian: cannot be 'identity'.*Metropolis/,
    );
  });

  test('an energy without Hessians', () => {
    const { hessianVectorProduct: _none, ...energy } = fromFunction((x) => tf.sum(x, 1) as tf.Tensor1D, [2]);
    const pullback = chainPullback({ energy, kernel: hmc(unadjusted), steps: 2 }, tf.zeros([1, 2]));
    expect(() => pullback.vjp(tf.ones([1, 2]))).toThrow(/hessianVectorProduct/);
  });
});
