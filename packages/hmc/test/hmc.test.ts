import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, test } from 'vitest';
import { dispose, fromChain, fromFunction, gaussian, key, runChains, shortRun, uniform } from '@srmcmc/core';
import { generatorConformance, kernelConformance } from '@srmcmc/core/testing';
import { convEnergy, mlpEnergy } from '@srmcmc/energy';
import {
  adam,
  initialState,
  learningStep,
  momentMatching,
  noiseInitialised,
  persistent,
} from '@srmcmc/estimators';
import { DIVERGENCE_THRESHOLD, hmc, type HmcOptions } from '@srmcmc/hmc';
import { langevin, mala } from '@srmcmc/langevin';
import { relativeError } from '../../../tools/goldens/golden.ts';

const code = (expected: string): unknown => expect.objectContaining({ code: expected });
const path = { stepSize: 0.4, leapfrogSteps: 2 };
const dense = [
  [0.5, 0.1, 0],
  [0.1, 1, 0.3],
  [0, 0.3, 3],
];

describe.each<[string, HmcOptions]>([
  ['with the Metropolis test', path],
  ['without it', { ...path, metropolis: false }],
  ['with a diagonal mass', { ...path, inverseMass: [0.25, 1, 4] }],
  ['with a dense mass', { ...path, inverseMass: dense }],
  ['with jittered paths', { ...path, jitter: 0.5 }],
  ['with persistent momentum', { ...path, persistence: 0.8, leapfrogSteps: 1, stepSize: 0.6 }],
  [
    'with all of it, at another temperature',
    { ...path, inverseMass: dense, jitter: 0.2, persistence: 0.5, temperature: 2 },
  ],
])('hmc %s', (_name, options) => {
  for (const { name, run } of kernelConformance(() => hmc(options))) test(name, run);
});

describe.each([true, false])('a short run of hmc, with the Metropolis test: %s', (metropolis) => {
  const generator = () =>
    shortRun({
      energy: convEnergy({ imageShape: [8, 8, 3], channels: [4, 8], key: key(1) }),
      kernel: hmc({ stepSize: 0.2, leapfrogSteps: 3, metropolis }),
      steps: 4,
      initial: uniform([8, 8, 3]),
    });
  for (const { name, run } of generatorConformance(generator)) test(name, run);
});

const quartic = fromFunction((x) => tf.neg(tf.sum(tf.pow(x, 4), 1)) as tf.Tensor1D, [3]);
const start = gaussian([3], { scale: 0.7 }).sample(key(1), 20);

describe('one leapfrog step', () => {
  test('without the test is Langevin in its textbook form, draw for draw', async () => {
    const run = (kernel: Parameters<typeof runChains>[0]['kernel']) =>
      runChains({ energy: quartic, kernel, steps: 10 }, start, key(2)).x.data();
    const inertial = await run(hmc({ stepSize: 0.1, leapfrogSteps: 1, metropolis: false }) as never);
    expect(relativeError(inertial, await run(langevin({ stepSize: 0.1 })))).toBeLessThan(1e-5);
  });

  test("at temperature noise²/2 with step size √2 is the paper's program, x + f'(x) + noise U", async () => {
    const energy = convEnergy({ imageShape: [8, 8, 3], channels: [4, 8], key: key(1) });
    const images = uniform([8, 8, 3]).sample(key(3), 4);
    const options = { stepSize: Math.SQRT2, leapfrogSteps: 1, metropolis: false, temperature: 0.01 ** 2 / 2 };
    const inertial = runChains({ energy, kernel: hmc(options), steps: 20 }, images, key(2));
    const paper = runChains(
      { energy, kernel: langevin({ drift: 1, noise: 0.01 }), steps: 20 },
      images,
      key(2),
    );
    expect(relativeError(await inertial.x.data(), await paper.x.data())).toBeLessThan(1e-5);
    expect(
      relativeError(await inertial.trace.gradientNorm.data(), await paper.trace.gradientNorm.data()),
    ).toBeLessThan(1e-5);
  });

  test('with the test has the acceptance of MALA', async () => {
    const [inertial, adjusted] = [hmc({ stepSize: 0.5, leapfrogSteps: 1 }), mala({ stepSize: 0.5 })] as const;
    const a = await inertial.step(quartic, inertial.init(quartic, start), key(4)).info.acceptance!.data();
    const b = await adjusted.step(quartic, adjusted.init(quartic, start), key(4)).info.acceptance!.data();
    expect(Math.min(...b)).toBeLessThan(0.9);
    expect(relativeError(a, b)).toBeLessThan(1e-5);
  });
});

describe('the Metropolis test', () => {
  const coarse = hmc({ stepSize: 0.6, leapfrogSteps: 3 });

  test('accepts some chains and leaves others where they were, with the frequency it reports', async () => {
    const many = gaussian([3], { scale: 0.6 }).sample(key(5), 4000);
    const { state, info } = coarse.step(quartic, coarse.init(quartic, many), key(6));
    const moved = await tf.any(tf.notEqual(state.x, many), 1).data<'bool'>();
    const acceptance = await info.acceptance!.data<'float32'>();
    const expected = acceptance.reduce((sum, p) => sum + p, 0);
    const variance = acceptance.reduce((sum, p) => sum + p * (1 - p), 0);
    const observed = moved.reduce((sum, m) => sum + m, 0);
    expect(variance).toBeGreaterThan(50);
    expect(Math.abs(observed - expected)).toBeLessThan(4 * Math.sqrt(variance));
    // The state remembers what belongs to where the chain is.
    const fresh = quartic.valueAndGrad(state.x);
    expect(relativeError(await state.value.data(), await fresh.value.data())).toBeLessThan(1e-6);
    expect(relativeError(await state.grad.data(), await fresh.grad.data())).toBeLessThan(1e-6);
  });

  test('reverses the momentum of a rejected chain, and only there', async () => {
    const kernel = hmc({ stepSize: 0.6, leapfrogSteps: 3, persistence: 0.999 });
    const first = kernel.step(quartic, kernel.init(quartic, start), key(6)).state;
    const { state } = kernel.step(quartic, first, key(6));
    const cosine = await tf.sum(tf.mul(state.momentum!, first.momentum!), 1).data();
    const moved = await tf.any(tf.notEqual(state.x, first.x), 1).data();
    const rejected = cosine.filter((_, i) => moved[i] === 0);
    expect(rejected.length).toBeGreaterThan(2);
    expect(rejected.length).toBeLessThan(20);
    for (const product of rejected) expect(product).toBeLessThan(0);
  });

  test('rejects proposals that leave for infinity, and reports them', async () => {
    const wild = hmc({ stepSize: 20, leapfrogSteps: 8 });
    const { state, info } = wild.step(quartic, wild.init(quartic, start), key(7));
    expect([...(await info.divergent.data())]).toEqual(Array.from({ length: 20 }, () => 1));
    expect([...(await info.acceptance!.data())]).toEqual(Array.from({ length: 20 }, () => 0));
    expect(Math.min(...(await info.energyError.data()))).toBeGreaterThan(DIVERGENCE_THRESHOLD);
    expect([...(await state.x.data())]).toEqual([...(await start.data())]);
    expect((await state.grad.data()).every(Number.isFinite)).toBe(true);
  });

  test('is absent where it is off, and divergences are reported all the same', async () => {
    const wild = hmc({ stepSize: 20, leapfrogSteps: 2, metropolis: false });
    const { info } = wild.step(quartic, wild.init(quartic, start), key(7));
    expect(info.acceptance).toBeUndefined();
    expect(Math.min(...(await info.divergent.data()))).toBe(1);
  });
});

test('jitter gives each chain a step size of its own, as told', () => {
  // Where nothing pulls, a chain travels ε L r, so that displacement over momentum is the path's length.
  const flat = fromFunction((x) => tf.mul(tf.sum(x, 1), 0) as tf.Tensor1D, [1]);
  const travelled = (jitter: number): number[] => {
    const kernel = hmc({ stepSize: 0.5, leapfrogSteps: 4, jitter });
    const { state } = kernel.step(flat, kernel.init(flat, tf.zeros([500, 1])), key(1));
    const plain = hmc({ stepSize: 0.5, leapfrogSteps: 4 });
    const { state: straight } = plain.step(flat, plain.init(flat, tf.zeros([500, 1])), key(1));
    return (tf.div(state.x, straight.x).arraySync() as number[][]).map(([ratio]) => ratio!);
  };
  const ratios = travelled(0.4);
  expect(Math.min(...ratios)).toBeGreaterThan(0.6 - 1e-6);
  expect(Math.min(...ratios)).toBeLessThan(0.62);
  expect(Math.max(...ratios)).toBeLessThan(1.4 + 1e-6);
  expect(Math.max(...ratios)).toBeGreaterThan(1.38);
  const mean = ratios.reduce((sum, ratio) => sum + ratio / 500, 0);
  expect(Math.abs(mean - 1)).toBeLessThan((4 * 0.8) / Math.sqrt(12 * 500));
});

test('chains of a longer run, with everything random switched on, do not see each other', async () => {
  const kernel = hmc({ ...path, jitter: 0.5, persistence: 0.7 });
  const whole = runChains({ energy: quartic, kernel, steps: 12 }, start, key(8)).x;
  const alone = runChains(
    { energy: quartic, kernel, steps: 12 },
    tf.slice(start, 17, 2),
    fromChain(key(8), 17),
  ).x;
  expect(relativeError(await alone.data(), await tf.slice(whole, 17, 2).data())).toBeLessThan(1e-5);
});

test('learning draws its negative samples by hmc where langevin did', async () => {
  const energy = mlpEnergy({ dimension: 2, hidden: [8], key: key(1) });
  const data = gaussian([2]).sample(key(2), 32);
  for (const policy of [noiseInitialised, persistent]) {
    const kernel = hmc({ stepSize: 0.2, leapfrogSteps: 3, persistence: 0.5 });
    const chains = policy({ kernel, steps: 5, initial: uniform([2]) });
    const learner = { energy, chains, estimator: momentMatching, optimizer: adam({ learningRate: 0.01 }) };
    let state = initialState(learner, key(3));
    const gradient = () => energy.negativeEnergy(data).dataSync().slice();
    const before = gradient();
    const tensors = tf.memory().numTensors;
    for (let i = 0; i < 3; i++) {
      const { state: next, ...rest } = await learningStep(learner, state, data, key(10 + i));
      dispose([state, rest]);
      state = next;
    }
    expect(tf.memory().numTensors).toBe(tensors);
    expect(relativeError(gradient(), before)).toBeGreaterThan(1e-3);
    dispose(state);
  }
});

test('options are plain data: a configuration file holds a kernel', async () => {
  const options: HmcOptions = {
    ...path,
    inverseMass: dense,
    jitter: 0.1,
    persistence: 0.3,
    temperature: 0.5,
    metropolis: false,
  };
  const read = JSON.parse(JSON.stringify(options)) as HmcOptions;
  const run = (kernel: ReturnType<typeof hmc>) =>
    runChains({ energy: quartic, kernel, steps: 3 }, start, key(9)).x.data();
  expect(await run(hmc(read))).toEqual(await run(hmc(options)));
});

describe('hmc refuses', () => {
  test.each<[string, Partial<HmcOptions>]>([
    ['a step size of 0', { stepSize: 0 }],
    ['a step size that is not a number', { stepSize: Number.NaN }],
    ['no leapfrog step', { leapfrogSteps: 0 }],
    ['half a leapfrog step', { leapfrogSteps: 1.5 }],
    ['a temperature of 0', { temperature: 0 }],
    ['a jitter of 1', { jitter: 1 }],
    ['a negative persistence', { persistence: -0.1 }],
    ['an empty mass', { inverseMass: [] }],
    ['a leapfrog of a thousand million steps', { leapfrogSteps: 1e9 }],
    ['a negative mass', { inverseMass: [1, -1] }],
    ['a ragged mass', { inverseMass: [[1, 0], [0]] }],
    [
      'an asymmetric mass',
      {
        inverseMass: [
          [1, 0.5],
          [0.2, 1],
        ],
      },
    ],
    [
      'an indefinite mass',
      {
        inverseMass: [
          [1, 2],
          [2, 1],
        ],
      },
    ],
  ])('%s', (_name, options) => {
    expect(() => hmc({ ...path, ...options })).toThrow(code('INVALID_ARGUMENT'));
  });

  test.each([
    [[1, 1]],
    [
      [
        [1, 0],
        [0, 1],
      ],
    ],
  ])('a mass of another size than the event: %j', (inverseMass) => {
    const kernel = hmc({ ...path, inverseMass });
    expect(() => kernel.init(quartic, start)).toThrow(code('INVALID_SHAPE'));
  });

  test('a scheduled step size that is not positive, at its step', () => {
    const kernel = hmc({ ...path, stepSize: (step) => 1 - step });
    expect(() => runChains({ energy: quartic, kernel, steps: 2 }, start, key(1))).toThrow(
      code('INVALID_ARGUMENT'),
    );
  });
});
