import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, test } from 'vitest';
import { dispose, fromFunction, key, normal, uniform } from '@srmcmc/core';
import { mlpEnergy } from '@srmcmc/energy';
import {
  adam,
  dataInitialised,
  initialState,
  type Learner,
  learningStep,
  momentMatching,
  noiseInitialised,
  persistent,
  robbinsMonro,
} from '@srmcmc/estimators';
import { langevin } from '@srmcmc/langevin';

const code = (expected: string): unknown => expect.objectContaining({ code: expected });
const energy = () => mlpEnergy({ dimension: 2, hidden: [8], key: key(1) });
const moving = { kernel: langevin({ drift: 0.1, noise: 0.1 }), steps: 3, initial: uniform([2]) };
const still = { ...moving, kernel: langevin({ drift: 0, noise: 0 }) };
const values = async (tensor: tf.Tensor): Promise<number[]> => [...(await tensor.data())];
const data = () => normal(key(3), [6, 2]);

describe('momentMatching', () => {
  // f(x) = a·x + b|x|², whose moments are those of x itself.
  const linear = () => {
    const a = tf.variable(tf.tensor1d([0.3, -0.2]));
    const b = tf.variable(tf.scalar(-0.5));
    const f = (x: tf.Tensor) =>
      tf.add(tf.sum(tf.mul(x, a), 1), tf.mul(b, tf.sum(tf.square(x), 1))) as tf.Tensor1D;
    return fromFunction(f, [2], { a, b });
  };

  test('gives the difference of the moments of samples and data', async () => {
    const samples = normal(key(4), [9, 2]);
    const { gradients } = await momentMatching.estimate(linear(), data(), samples);
    const gap = tf.sub(tf.mean(samples, 0), tf.mean(data(), 0));
    const second = (x: tf.Tensor) => tf.mean(tf.sum(tf.square(x), 1));
    (await values(gradients.a!)).forEach((value, i) =>
      expect(value).toBeCloseTo(gap.arraySync()[i as never], 5),
    );
    expect(gradients.b!.arraySync()).toBeCloseTo(
      tf.sub(second(samples), second(data())).arraySync() as number,
      4,
    );
  });

  test('is zero where samples and data are the same', async () => {
    const { gradients, dataValue, sampleValue } = await momentMatching.estimate(linear(), data(), data());
    for (const gradient of Object.values(gradients)) {
      for (const value of await values(gradient)) expect(Math.abs(value)).toBeLessThan(1e-6);
    }
    expect(await values(dataValue)).toEqual(await values(sampleValue));
  });

  test('refuses samples of another shape', async () => {
    const estimate = momentMatching.estimate(linear(), data(), tf.zeros([4, 3]));
    await expect(estimate).rejects.toThrow(code('INVALID_SHAPE'));
  });
});

describe('chain policies', () => {
  test('noise-initialised chains do not see the data, and differ from key to key', async () => {
    const policy = noiseInitialised(moving);
    const draw = async (from: tf.Tensor, seed: number) =>
      values((await policy.sample(energy(), from, {}, key(seed))).x);
    expect(await draw(data(), 1)).toEqual(await draw(tf.zeros([6, 2]), 1));
    expect(await draw(data(), 1)).not.toEqual(await draw(data(), 2));
  });

  test('data-initialised chains start at the data', async () => {
    const { x } = await dataInitialised(still).sample(energy(), data(), {}, key(1));
    expect(await values(x)).toEqual(await values(data()));
    const moved = await dataInitialised(moving).sample(energy(), data(), {}, key(1));
    expect(await values(moved.x)).not.toEqual(await values(data()));
  });

  test('persistent chains go on where they were, and are written back', async () => {
    const policy = persistent({ ...moving, bufferSize: 6, renewal: 0 });
    const memory = policy.init(key(5));
    const sorted = async (tensor: tf.Tensor) => ((await tensor.array()) as number[][]).map(String).sort();
    const unmoved = await persistent({ ...still, bufferSize: 6, renewal: 0 }).sample(
      energy(),
      data(),
      memory,
      key(6),
    );
    expect(await sorted(unmoved.x)).toEqual(await sorted(memory.buffer!));
    const { x, memory: next } = await policy.sample(energy(), data(), memory, key(6));
    expect(await sorted(next.buffer!)).toEqual(await sorted(x));
    expect(await sorted(x)).not.toEqual(await sorted(memory.buffer!));
  });

  test('renewed chains start from the initial distribution', async () => {
    const policy = persistent({
      ...still,
      initial: uniform([2], { low: 5, high: 6 }),
      bufferSize: 6,
      renewal: 1,
    });
    const { x } = await policy.sample(energy(), data(), { buffer: tf.zeros([6, 2]) }, key(7));
    expect(Math.min(...(await values(x)))).toBeGreaterThanOrEqual(5);
  });

  test('a batch larger than the buffer is refused', async () => {
    const policy = persistent({ ...moving, bufferSize: 5 });
    const sample = policy.sample(energy(), data(), policy.init(key(1)), key(2));
    await expect(sample).rejects.toThrow(code('INVALID_ARGUMENT'));
  });
});

describe('learningStep', () => {
  const policies = {
    'noise-initialised': noiseInitialised(moving),
    'data-initialised': dataInitialised(moving),
    persistent: persistent({ ...moving, bufferSize: 20 }),
  };
  const learnerWith = (chains: Learner['chains']): Learner => ({
    energy: energy(),
    chains,
    estimator: momentMatching,
    optimizer: adam({ learningRate: 1e-2 }),
    smoothing: 0.03,
  });
  const learn = async (learner: Learner, iterations: number): Promise<number[][]> => {
    const x = data();
    let state = initialState(learner, key(1));
    for (let i = 0; i < iterations; i++) {
      const { state: next, ...made } = await learningStep(learner, state, x, key(100 + i));
      dispose([state, made]);
      state = next;
    }
    return Promise.all(Object.values(learner.energy.variables).map(values));
  };

  test.each(Object.entries(policies))(
    'with %s chains is a pure function of state, data and key',
    async (_name, chains) => {
      expect(await learn(learnerWith(chains), 4)).toEqual(await learn(learnerWith(chains), 4));
    },
  );

  test.each(Object.entries(policies))(
    'with %s chains leaks no tensor over 1,000 iterations',
    async (_name, chains) => {
      const learner = {
        ...learnerWith(chains),
        energy: mlpEnergy({ dimension: 2, hidden: [2], key: key(1) }),
      };
      const x = data();
      let state = initialState(learner, key(1));
      let after10 = 0;
      for (let i = 0; i < 1000; i++) {
        const { state: next, ...made } = await learningStep(learner, state, x, key(i));
        dispose([state, made]);
        state = next;
        if (i === 10) after10 = tf.memory().numTensors;
      }
      expect(tf.memory().numTensors).toBe(after10);
    },
  );

  test('adds noise of the standard deviation σ to the data', async () => {
    const seen: tf.Tensor[] = [];
    const learner: Learner = {
      ...learnerWith(policies['noise-initialised']),
      smoothing: (iteration) => 0.5 + iteration,
      estimator: {
        name: 'recording',
        estimate: (net, positive, samples) => {
          seen.push(tf.keep(positive.clone()));
          return momentMatching.estimate(net, positive, samples);
        },
      },
    };
    const zeros = tf.zeros([4000, 2]);
    const first = await learningStep(learner, initialState(learner, key(1)), zeros, key(2));
    await learningStep(learner, first.state, zeros, key(3));
    const deviations = seen.map((x) => Math.sqrt(tf.mean(tf.square(x)).arraySync() as number));
    // 4 standard errors of a standard deviation over 8,000 draws.
    expect(Math.abs(deviations[0]! / 0.5 - 1)).toBeLessThan(4 / Math.sqrt(16_000));
    expect(Math.abs(deviations[1]! / 1.5 - 1)).toBeLessThan(4 / Math.sqrt(16_000));
  });

  test('that is cancelled is not made: variables as they were, no tensor left behind, and the same step can follow', async () => {
    const chains = noiseInitialised({ ...moving, steps: 2000 });
    const learner = learnerWith(chains);
    const x = data();
    const state = initialState(learner, key(1));
    const before = await Promise.all(Object.values(learner.energy.variables).map(values));
    const { numTensors } = tf.memory();
    for (const milliseconds of [0, 30]) {
      const controller = new AbortController();
      if (milliseconds === 0) controller.abort();
      else setTimeout(() => controller.abort(), milliseconds);
      const fractions: number[] = [];
      const step = learningStep(learner, state, x, key(2), {
        signal: controller.signal,
        onProgress: (fraction) => fractions.push(fraction),
      });
      await expect(step).rejects.toThrow(code('CANCELLED'));
      expect(fractions.every((fraction) => fraction > 0 && fraction < 1)).toBe(true);
      expect(tf.memory().numTensors).toBe(numTensors);
      expect(await Promise.all(Object.values(learner.energy.variables).map(values))).toEqual(before);
    }
  });

  test('refuses a batch of another shape', async () => {
    const learner = learnerWith(policies['noise-initialised']);
    const state = initialState(learner, key(1));
    const step = learningStep(learner, state, tf.zeros([4, 3]), key(1));
    await expect(step).rejects.toThrow(code('INVALID_SHAPE'));
  });
});

test.each([
  ['beta1', { beta1: 1 }],
  ['beta2', { beta2: -0.1 }],
])('adam refuses a decay rate %s outside [0, 1)', (_name, options) => {
  expect(() => adam(options)).toThrow(code('INVALID_ARGUMENT'));
});

test.each([
  ['learningRate', { learningRate: -1 }],
  ['learningRate', { learningRate: NaN }],
  ['epsilon', { epsilon: -1e-8 }],
])('adam refuses a %s that is negative or no number', (field, options) => {
  expect(() => adam(options)).toThrow(code('INVALID_ARGUMENT'));
  expect(() => adam(options)).toThrow(field);
});

test('a schedule that becomes negative is refused by its name, and nothing is learned', async () => {
  const weights = { w: tf.variable(tf.ones([2])) };
  const optimizer = adam({ learningRate: (step) => 1 - step });
  const state = { ...optimizer.init(weights), step: 2 };
  expect(() => optimizer.update(weights, { w: tf.ones([2]) }, state)).toThrow(/learningRate.*negative/);
  expect(await values(weights.w)).toEqual(await values(tf.ones([2])));
});

describe.each([
  ['adam', adam({ learningRate: 0.1 })],
  ['robbinsMonro', robbinsMonro({ scale: 0.1, averageAfter: 0 })],
])('an update of %s', (_name, optimizer) => {
  const start = (): Record<'a' | 'b', tf.Variable> => ({
    a: tf.variable(tf.ones([5000])),
    b: tf.variable(tf.ones([2])),
  });

  test('disposes of the old moments, and of nothing else', () => {
    const weights = start();
    const state = optimizer.init(weights);
    const gradients = { a: tf.ones([5000]), b: tf.ones([2]) };
    const before = tf.memory().numTensors;
    const next = optimizer.update(weights, gradients, state);
    expect(tf.memory().numTensors).toBe(before);
    expect(Object.values(state.moments).every(({ isDisposed }) => isDisposed)).toBe(true);
    expect([...Object.values(next.moments), ...Object.values(gradients)].some((t) => t.isDisposed)).toBe(
      false,
    );
  });

  const gradientsOf = (a = [5000], b = [2]) => ({ a: tf.ones(a), b: tf.ones(b) });
  const disposed = (tensors: Record<string, tf.Tensor>) => {
    dispose(tensors);
    return tensors;
  };

  test.each<[string, () => Record<string, tf.Tensor>, string, RegExp]>([
    ['lacks a gradient', () => ({ a: tf.ones([5000]) }), 'INVALID_ARGUMENT', /gradients.*'b'/],
    [
      'has one that was disposed of',
      () => disposed(gradientsOf()),
      'INVALID_ARGUMENT',
      /disposed of \('a'\)/,
    ],
    ['has one of another shape', () => gradientsOf([5000], [3]), 'INVALID_SHAPE', /gradients\['b'\]/],
  ])('that %s is refused and changes nothing', async (_what, gradients, expected, message) => {
    const weights = start();
    const state = optimizer.init(weights);
    const update = () => optimizer.update(weights, gradients(), state);
    expect(update).toThrow(code(expected));
    expect(update).toThrow(message);
    expect(await values(weights.a)).toEqual(await values(tf.ones([5000])));
    expect(Object.values(state.moments).some(({ isDisposed }) => isDisposed)).toBe(false);
  });

  test('from a state that was used up, lacks a moment or has a tensor twice is refused', async () => {
    const weights = start();
    const first = optimizer.init(weights);
    const names = Object.keys(first.moments);
    const second = optimizer.update(weights, gradientsOf(), first);
    const kept = await values(second.moments[names[0]!]!);
    const { [names[0]!]: _, ...rest } = second.moments;
    const [a, b] = ['a', 'b'].map((variable) => names.find((name) => name.startsWith(variable))!);
    const one = { a: tf.variable(tf.ones([2])), b: weights.b };
    const twice = { ...optimizer.init(one).moments, [a!]: second.moments[b!]!, [b!]: second.moments[b!]! };
    const before = await values(weights.a);
    for (const [variables, state, message] of [
      [weights, first, /disposed of.*uses its state up/],
      [weights, { step: 1, moments: rest }, /has no moment/],
      [one, { step: 1, moments: twice }, /tensor twice/],
    ] as const) {
      const update = () => optimizer.update(variables, gradientsOf([...variables.a.shape]), state);
      expect(update).toThrow(code('INVALID_ARGUMENT'));
      expect(update).toThrow(message);
    }
    expect(await values(weights.a)).toEqual(before);
    expect(await values(second.moments[names[0]!]!)).toEqual(kept);
  });
});
