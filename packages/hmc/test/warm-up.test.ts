import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, test } from 'vitest';
import { fromFunction, gaussian, key, normals } from '@srmcmc/core';
import { bfmi, record, summarise } from '@srmcmc/diagnostics';
import { hmc, warmUp, type WarmUpOptions } from '@srmcmc/hmc';
import { dualAveraging } from '../src/dual-averaging.ts';
import { runningMoments } from '../src/moments.ts';
import { adaptationWindows } from '../src/windows.ts';
import { relativeError } from '../../../tools/goldens/golden.ts';

const code = (expected: string): unknown => expect.objectContaining({ code: expected });
const expected = JSON.parse(readFileSync(new URL('goldens/adaptation.json', import.meta.url), 'utf8')) as {
  dualAveraging: {
    first: number;
    target: number;
    acceptances: number[];
    sizes: number[];
    averages: number[];
  };
  windows: Record<string, { from: number; ends: number[] }>;
};

describe('dual averaging', () => {
  test('makes the step sizes of BlackJAX, and averages them as Hoffman and Gelman print it', () => {
    const { first, target, acceptances, sizes, averages } = expected.dualAveraging;
    const averaging = dualAveraging(first, target);
    expect([averaging.stepSize, averaging.averaged]).toEqual([expect.closeTo(first, 12), first]);
    acceptances.forEach((acceptance, i) => {
      averaging.update(acceptance);
      expect(Math.abs(averaging.stepSize / sizes[i]! - 1)).toBeLessThan(1e-9);
      expect(Math.abs(averaging.averaged / averages[i]! - 1)).toBeLessThan(1e-9);
    });
  });

  test('finds the step size whose acceptance is the target', () => {
    // Acceptance exp(−ε²) is 0.8 at ε = √−log 0.8.
    for (const first of [0.01, 30]) {
      const averaging = dualAveraging(first, 0.8);
      for (let i = 0; i < 2000; i++) averaging.update(Math.exp(-(averaging.stepSize ** 2)));
      expect(Math.abs(averaging.averaged / Math.sqrt(-Math.log(0.8)) - 1)).toBeLessThan(0.02);
    }
  });
});

test.each(Object.entries(expected.windows))(
  'windows of %s steps end where BlackJAX ends them',
  (steps, windows) => {
    expect(adaptationWindows(Number(steps))).toEqual(windows);
  },
);

describe('the inverse mass', () => {
  // Far from 0, where a sum of squares in single precision would lose everything.
  const rows = normals(key(1), 200, 3).map((value, i) => [1000, -500, 0][i % 3]! + value * [1, 2, 3][i % 3]!);
  const mean = [0, 1, 2].map((j) => rows.reduce((sum, v, i) => (i % 3 === j ? sum + v / 200 : sum), 0));
  const covariance = (j: number, k: number): number => {
    let sum = 0;
    for (let i = 0; i < rows.length; i += 3) sum += (rows[i + j]! - mean[j]!) * (rows[i + k]! - mean[k]!);
    return sum / 199;
  };
  const shrunk = (j: number, k: number): number => (200 * covariance(j, k) + (j === k ? 5e-3 : 0)) / 205;

  test.each([false, true])('is the (co)variance of all rows, shrunk as Stan does; dense: %s', (dense) => {
    const moments = runningMoments(3, dense);
    moments.add(rows.subarray(0, 300));
    moments.add(rows.subarray(300));
    const flat = [moments.inverseMass()].flat(2) as number[];
    const indices = dense
      ? [0, 1, 2].flatMap((j) => [0, 1, 2].map((k) => [j, k] as const))
      : [0, 1, 2].map((j) => [j, j] as const);
    expect(
      relativeError(
        flat,
        indices.map(([j, k]) => shrunk(j, k)),
      ),
    ).toBeLessThan(1e-9);
  });

  test('before any row is the variance that Stan shrinks to', () => {
    expect(runningMoments(2, false).inverseMass()).toEqual([1e-3, 1e-3]);
  });
});

/** A Gaussian of standard deviations 0.01, 1 and 20, whose last two elements have the correlation 0.8. */
const SCALES = [0.01, 1, 20];
const stretched = fromFunction(
  (x) => {
    const [a, b, c] = tf.unstack(tf.div(x, SCALES), 1) as [tf.Tensor, tf.Tensor, tf.Tensor];
    const pair = tf.sub(tf.add(tf.square(b), tf.square(c)), tf.mul(tf.mul(b, c), 1.6));
    return tf.mul(tf.add(tf.square(a), tf.div(pair, 0.36)), -0.5) as tf.Tensor1D;
  },
  [3],
);
const start = gaussian([3]).sample(key(1), 16);
const options: WarmUpOptions = { energy: stretched, kernel: { leapfrogSteps: 4, jitter: 0.3 }, steps: 300 };

describe('warm-up on a Gaussian whose scales differ by 2000', () => {
  test.each(['diagonal', 'dense'] as const)(
    'learns a %s mass and a step size that sample it well',
    async (mass) => {
      const before = tf.memory().numTensors;
      const { kernel, options: tuned, x, acceptance } = await warmUp({ ...options, mass }, start, key(2));
      expect(tf.memory().numTensors).toBe(before + 1);
      expect(acceptance.length).toBe(300);

      const inverseMass = tuned.inverseMass as number[] & number[][];
      const entry = (j: number, k = j): number => (mass === 'dense' ? inverseMass[j]![k]! : inverseMass[j]!);
      SCALES.forEach((scale, j) => expect(Math.abs(entry(j) / scale ** 2 - 1)).toBeLessThan(0.3));
      if (mass === 'dense')
        expect(Math.abs(entry(1, 2) / Math.sqrt(entry(1) * entry(2)) - 0.8)).toBeLessThan(0.1);

      const {
        quantities,
        statistics,
        x: end,
      } = await record({ energy: stretched, kernel, draws: 100 }, x, key(3));
      expect(Math.abs(summarise(statistics['acceptance']!).mean - 0.8)).toBeLessThan(0.1);
      quantities.forEach((chains, j) => {
        const { mean, sd, mcseMean, mcseSd, rHat, bulkEss } = summarise(chains);
        expect(rHat).toBeLessThan(1.06);
        expect(bulkEss).toBeGreaterThan(300);
        expect(Math.abs(mean)).toBeLessThan(4 * mcseMean);
        expect(Math.abs(sd - SCALES[j]!)).toBeLessThan(4 * mcseSd);
      });
      for (const value of bfmi(statistics['hamiltonian']!)) expect(value).toBeGreaterThan(0.3);
      tf.dispose([x, end]);
    },
  );

  test('makes a kernel that plain data makes again', async () => {
    const { kernel, options: tuned, x } = await warmUp({ ...options, steps: 60 }, start, key(4));
    const again = hmc(JSON.parse(JSON.stringify(tuned)));
    const [a, b] = [kernel, again].map(
      (made) => made.step(stretched, made.init(stretched, x), key(5)).state.x,
    );
    expect(await a!.data()).toEqual(await b!.data());
    expect(tuned).toMatchObject(options.kernel);
  });

  test('leaves a unit mass alone where it is told to, and keeps to the option to drop the test', async () => {
    const unit = {
      ...options,
      mass: 'unit' as const,
      steps: 40,
      kernel: { leapfrogSteps: 2, metropolis: false },
    };
    const { kernel, options: tuned } = await warmUp(unit, start, key(6));
    expect(tuned.inverseMass).toBeUndefined();
    expect(kernel.calibrated).toBe(false);
    // The narrowest direction bounds the step size of leapfrog at twice its standard deviation.
    expect(tuned.stepSize).toBeGreaterThan(0.002);
    expect(tuned.stepSize).toBeLessThan(0.02);
  });
});

test('a warm-up tells how far it is, stops when told to, and leaves no tensor behind', async () => {
  const before = tf.memory().numTensors;
  const controller = new AbortController();
  const { signal } = controller;
  const told: number[] = [];
  const onProgress = (fraction: number): void => {
    told.push(fraction);
    if (fraction > 0) controller.abort();
  };
  await expect(warmUp(options, start, key(1), { signal, onProgress })).rejects.toThrow(code('CANCELLED'));
  expect(tf.memory().numTensors).toBe(before);
  expect(told.at(-1)).toBeGreaterThan(0);
  expect(told.at(-1)).toBeLessThan(1);
});

describe('a warm-up says what is wrong with', () => {
  const flat = fromFunction((x) => tf.mul(tf.sum(x, 1), 0) as tf.Tensor1D, [3]);
  const broken = fromFunction((x) => tf.sqrt(tf.sub(-1, tf.sum(tf.square(x), 1))) as tf.Tensor1D, [3]);
  test.each([
    ['a density without a scale', { energy: flat }, 'DIVERGED'],
    ['a density that is not a number', { energy: broken }, 'DIVERGED'],
    ['no step', { steps: 0 }, 'INVALID_ARGUMENT'],
    ['a target acceptance of 1', { targetAcceptance: 1 }, 'INVALID_ARGUMENT'],
    ['a kernel without leapfrog steps', { kernel: { leapfrogSteps: 0 } }, 'INVALID_ARGUMENT'],
  ])('%s', async (_name, change, expectedCode) => {
    const before = tf.memory().numTensors;
    await expect(warmUp({ ...options, ...change }, start, key(1))).rejects.toThrow(code(expectedCode));
    expect(tf.memory().numTensors).toBe(before);
  });

  test('starts of the wrong shape', async () => {
    await expect(warmUp(options, tf.zeros([2, 4]), key(1))).rejects.toThrow(code('INVALID_SHAPE'));
  });
});
