import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, test } from 'vitest';
import {
  fromFunction,
  gaussian,
  type Key,
  key,
  runChains,
  shortRun,
  type TransitionKernel,
  uniform,
} from '@srmcmc/core';
import { generatorConformance, kernelConformance } from '@srmcmc/core/testing';
import { convEnergy, convNetworkOf, energyOf, loadStateDict } from '@srmcmc/energy';
import { langevin } from '@srmcmc/langevin';
import { golden, relativeError } from '../../../tools/goldens/golden.ts';

const code = (expected: string): unknown => expect.objectContaining({ code: expected });

describe('langevin with one step size', () => {
  for (const { name, run } of kernelConformance(() => langevin({ stepSize: 0.3 }))) test(name, run);
});

describe('langevin with drift, noise and clamps', () => {
  const kernel = () => langevin({ drift: 0.1, noise: 0.2, clampGradient: 0.5, clampSample: [-3, 3] });
  for (const { name, run } of kernelConformance(kernel)) test(name, run);
});

describe('a short run of langevin', () => {
  const generator = () =>
    shortRun({
      energy: convEnergy({ imageShape: [8, 8, 3], channels: [4, 8], key: key(1) }),
      kernel: langevin({ drift: 1, noise: 0.01 }),
      steps: 5,
      initial: uniform([8, 8, 3]),
    });
  for (const { name, run } of generatorConformance(generator)) test(name, run);
});

describe('100 steps on the net of the paper agree with PyTorch to 1e-3', () => {
  const expected = golden(import.meta.url, 'short-run-32');
  const weights = new Map([...expected].filter(([name]) => /^f\.\d+\./.test(name)));
  const load = () => {
    const energy = energyOf(convNetworkOf(weights), key(0));
    loadStateDict(energy, weights);
    return energy;
  };
  const noise: Key = { words: [0x12345678, 0x9abcdef0], firstChain: 0 };

  test.each([
    ['noiseless', undefined, [1, 10, 50, 100]],
    ['noisy', noise, [1, 100]],
  ] as const)('%s, positions and trace', async (name, noiseKey, snapshots) => {
    const start = expected.get('x0')!;
    const kernel = langevin({ drift: 1, noise: 0.01 });
    const x0 = tf.tensor(start.data, [...start.shape]);
    const { x, trace } = runChains({ energy: load(), kernel, steps: 100, snapshots }, x0, noiseKey);
    for (const [i, step] of snapshots.entries()) {
      const positions = await trace.snapshots[i]!.data();
      expect(relativeError(positions, expected.get(`${name}.x.${step}`)!.data), `step ${step}`).toBeLessThan(
        1e-3,
      );
    }
    expect(await x.data()).toEqual(await trace.snapshots.at(-1)!.data());
    expect(relativeError(await trace.value.data(), expected.get(`${name}.value`)!.data)).toBeLessThan(1e-3);
    const norms = await trace.gradientNorm.data();
    expect(relativeError(norms, expected.get(`${name}.gradientNorm`)!.data)).toBeLessThan(1e-3);
  });
});

/** Mean and variance over chains after `steps`, for one seed. */
function momentsAfter(
  steps: number,
  chains: number,
  seed: number,
  kernel: TransitionKernel,
  logDensity: (x: tf.Tensor) => tf.Tensor1D,
): { mean: number; variance: number; fourth: number } {
  return tf.tidy(() => {
    const start = gaussian([1]).sample(key(seed), chains);
    const { x } = runChains(
      { energy: fromFunction(logDensity, [1]), kernel, steps },
      start,
      key(1000 + seed),
    );
    const mean = tf.mean(x).arraySync() as number;
    const centred = tf.sub(x, mean);
    const variance = tf.mean(tf.square(centred)).arraySync() as number;
    const fourth = tf.mean(tf.square(tf.square(centred))).arraySync() as number;
    return { mean, variance, fourth };
  }) as unknown as { mean: number; variance: number; fourth: number };
}

const SEEDS = [1, 2, 3, 4, 5, 6];
const CHAINS = 4000;

describe('the stationary law', () => {
  // x ← a x + Δ U with a = 1 − Δ²/2s² has the stationary variance Δ² / (1 − a²) = s² / (1 − Δ²/4s²).
  test.each([0.3, 0.8, 1.2])('on a Gaussian has the variance s² / (1 − Δ²/4s²) for Δ = %d', (stepSize) => {
    const s = 0.9;
    const predicted = s ** 2 / (1 - stepSize ** 2 / (4 * s ** 2));
    const contraction = 1 - stepSize ** 2 / (2 * s ** 2);
    // Enough steps for the start to be forgotten to a thousandth of the standard error.
    const steps = Math.ceil(Math.log(1e-5) / Math.log(Math.abs(contraction)));
    const logDensity = (x: tf.Tensor): tf.Tensor1D => tf.mul(tf.sum(tf.square(x), 1), -0.5 / s ** 2);
    const misses = SEEDS.filter((seed) => {
      const { mean, variance } = momentsAfter(steps, CHAINS, seed, langevin({ stepSize }), logDensity);
      const meanError = Math.abs(mean) / Math.sqrt(predicted / CHAINS);
      const varianceError = Math.abs(variance / predicted - 1) / Math.sqrt(2 / CHAINS);
      return meanError > 3 || varianceError > 3;
    });
    // Each seed misses with probability 0.5 %; two of six miss with probability 4e-4.
    expect(misses.length).toBeLessThanOrEqual(1);
  });

  test('on a mixture has the moments of the discretised chain, found by quadrature', () => {
    const [centre, s, stepSize] = [1, 0.6, 0.5];
    const score = (x: number): number => {
      const left = Math.exp(-((x + centre) ** 2) / (2 * s ** 2));
      const right = Math.exp(-((x - centre) ** 2) / (2 * s ** 2));
      return (-(x + centre) * left - (x - centre) * right) / (s ** 2 * (left + right));
    };
    const predicted = stationaryMoments(score, stepSize);
    // The unadjusted chain is wider than the density, by more than this test's resolution.
    expect(predicted.variance).toBeGreaterThan(1.02 * (centre ** 2 + s ** 2));
    // log(N(x; -c, s²) + N(x; c, s²)) = softplus(2cx/s²) − cx/s² − x²/2s², up to a constant.
    const logDensity = (x: tf.Tensor): tf.Tensor1D => {
      const flat = tf.reshape(x, [-1]);
      const tilt = tf.mul(flat, centre / s ** 2);
      const bowl = tf.mul(tf.square(flat), 0.5 / s ** 2);
      return tf.sub(tf.sub(tf.softplus(tf.mul(tilt, 2)), tilt), bowl) as tf.Tensor1D;
    };
    const misses = SEEDS.filter((seed) => {
      const { mean, variance } = momentsAfter(150, CHAINS, seed, langevin({ stepSize }), logDensity);
      const meanError = Math.abs(mean) / Math.sqrt(predicted.variance / CHAINS);
      const varianceError =
        Math.abs(variance - predicted.variance) /
        Math.sqrt((predicted.fourth - predicted.variance ** 2) / CHAINS);
      return meanError > 3 || varianceError > 3;
    });
    expect(misses.length).toBeLessThanOrEqual(1);
  });
});

/** Moments of the stationary law of x ← x + Δ²/2 · score(x) + Δ U, by iterating its kernel on a grid. */
function stationaryMoments(
  score: (x: number) => number,
  stepSize: number,
): { variance: number; fourth: number } {
  const points = 401;
  const grid = Array.from({ length: points }, (_, i) => -5 + (10 * i) / (points - 1));
  const rows = grid.map((x) => {
    const centre = x + (stepSize ** 2 / 2) * score(x);
    const row = grid.map((y) => Math.exp(-((y - centre) ** 2) / (2 * stepSize ** 2)));
    const total = row.reduce((sum, p) => sum + p, 0);
    return row.map((p) => p / total);
  });
  let density = grid.map(() => 1 / points);
  for (let i = 0; i < 300; i++) {
    const next = grid.map(() => 0);
    density.forEach((p, from) => rows[from]!.forEach((q, to) => (next[to]! += p * q)));
    density = next;
  }
  const moment = (power: number): number => grid.reduce((sum, x, i) => sum + density[i]! * x ** power, 0);
  return { variance: moment(2), fourth: moment(4) };
}

describe('langevin', () => {
  const flat = fromFunction((x) => tf.mul(tf.sum(x, 1), 0) as tf.Tensor1D, [2]);
  const steep = fromFunction((x) => tf.mul(tf.sum(x, 1), 100) as tf.Tensor1D, [2]);

  test('reads its schedules at the index of the step', async () => {
    const kernel = langevin({ drift: (step) => step, noise: 0 });
    const { x } = runChains({ energy: steep, kernel, steps: 3 }, tf.zeros([1, 2]));
    expect([...(await x.data())]).toEqual([300, 300]);
  });

  test('makes the same step in both forms', async () => {
    const start = gaussian([2]).sample(key(1), 3);
    const [a, b] = [langevin({ stepSize: 0.4 }), langevin({ drift: 0.08, noise: 0.4 })].map(
      (kernel) => runChains({ energy: steep, kernel, steps: 4 }, start, key(2)).x,
    );
    expect(relativeError(await a!.data(), await b!.data())).toBeLessThan(1e-6);
  });

  test('clips the gradient and the sample where it is told to', async () => {
    const clipped = langevin({ drift: 1, noise: 0, clampGradient: 0.25 });
    const { x } = runChains({ energy: steep, kernel: clipped, steps: 2 }, tf.zeros([1, 2]));
    expect([...(await x.data())]).toEqual([0.5, 0.5]);
    const boxed = langevin({ drift: 0, noise: 10, clampSample: [-1, 1] });
    const { x: inside } = runChains({ energy: flat, kernel: boxed, steps: 3 }, tf.zeros([50, 2]), key(1));
    expect(Math.max(...(await tf.abs(inside).data()))).toBeLessThanOrEqual(1);
  });

  test.each([
    ['a negative step size', { stepSize: -1 }],
    ['a step size that is not a number', { stepSize: Number.NaN }],
    ['a misspelt coefficient', { stepsize: 0.1 } as never],
    ['a drift without noise', { drift: 1 } as never],
    ['a drift beside a step size', { stepSize: 1, drift: 1 } as never],
    ['a noise beside a step size', { stepSize: 1, noise: 0.01 } as never],
    ['both forms at once', { stepSize: 1, drift: 1, noise: 0.01 }],
    ['a negative noise', { drift: 1, noise: -0.01 }],
    ['a gradient clamp of 0', { stepSize: 1, clampGradient: 0 }],
    ['sample bounds in the wrong order', { stepSize: 1, clampSample: [1, -1] as const }],
    ['one sample bound', { stepSize: 1, clampSample: 1 as never }],
    ['sample bounds that are texts', { stepSize: 1, clampSample: ['0', '1'] as never }],
  ])('refuses %s', (_name, options) => {
    expect(() => langevin(options)).toThrow(code('INVALID_ARGUMENT'));
  });

  test('says which coefficients exclude each other, and that a text is no number', () => {
    expect(() => langevin({ stepSize: 1, drift: 1, noise: 0 })).toThrow(
      'options: stepSize stands for drift and noise: give it alone, or these two; got stepSize, drift, noise',
    );
    expect(() => langevin({ stepSize: '1' as never })).toThrow(
      'stepSize: must be a finite number, got "1" at index 0',
    );
  });

  test.each([0, -1, 1.5, 1_000_001, 2e8, 1e10])('runs of %d steps are refused', (steps) => {
    const build = () =>
      shortRun({ energy: flat, kernel: langevin({ stepSize: 1 }), steps, initial: gaussian([2]) });
    expect(build).toThrow(code('INVALID_ARGUMENT'));
  });
});
