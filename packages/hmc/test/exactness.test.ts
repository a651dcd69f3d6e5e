/** Kernels with a Metropolis test are exact, by moments within their standard errors and by detailed balance. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, test } from 'vitest';
import {
  type Energy,
  fromFunction,
  gaussian,
  type Key,
  key,
  runChains,
  split,
  type TransitionKernel,
  uniforms,
} from '@srmcmc/core';
import { mcseMean, record } from '@srmcmc/diagnostics';
import { hmc } from '@srmcmc/hmc';
import { langevin, mala } from '@srmcmc/langevin';

interface Target {
  readonly energy: Energy;
  /** Functions of x, [n, ...event] to [n, m], whose expectations are known. */
  readonly observe: (x: tf.Tensor) => tf.Tensor;
  readonly expectations: readonly number[];
  /** Chains start from N(0, spread²). */
  readonly spread: number;
}

const columns = (x: tf.Tensor): tf.Tensor1D[] => tf.unstack(x, 1) as tf.Tensor1D[];

/** A Gaussian of covariance [[1, 0.6, 0], [0.6, 1, 0.3], [0, 0.3, 0.5]], whose inverse is PRECISION / 23. */
const PRECISION = [
  [41, -30, 18],
  [-30, 50, -30],
  [18, -30, 64],
];
const correlated: Target = {
  energy: fromFunction(
    (x) => {
      const pulled = tf.matMul(x as tf.Tensor2D, tf.tensor2d(PRECISION));
      return tf.mul(tf.sum(tf.mul(x, pulled), 1), -0.5 / 23) as tf.Tensor1D;
    },
    [3],
  ),
  observe: (x) => {
    const [a, b, c] = columns(x) as [tf.Tensor1D, tf.Tensor1D, tf.Tensor1D];
    const squares = [tf.square(a), tf.square(b), tf.square(c)];
    return tf.stack([a, b, c, ...squares, tf.mul(a, b), tf.mul(b, c), tf.mul(a, c)], 1);
  },
  expectations: [0, 0, 0, 1, 1, 0.5, 0.6, 0.3, 0],
  spread: 2,
};

/** 0.3 N(−1.2, 0.6²) + 0.7 N(1.2, 0.6²). */
const mixture: Target = {
  energy: fromFunction(
    (x) => {
      const component = (weight: number, mean: number): tf.Tensor =>
        tf.add(tf.mul(tf.square(tf.sub(x, mean)), -0.5 / 0.36), Math.log(weight));
      return tf.logSumExp(tf.concat([component(0.3, -1.2), component(0.7, 1.2)], 1), 1) as tf.Tensor1D;
    },
    [1],
  ),
  observe: (x) => tf.concat([x, tf.square(x), tf.cast(tf.greater(x, 0), 'float32')], 1),
  // Φ(2) = 0.97725.
  expectations: [0.48, 1.8, 0.3 * (1 - 0.97725) + 0.7 * 0.97725],
  spread: 2,
};

/** Neal's funnel (2003), v ~ N(0, 3²) and w ~ N(0, e^v) twice, as a density of v and z = w e^{−v/2}. */
const funnel: Target = {
  energy: fromFunction(
    (x) => {
      const [v, ...z] = columns(x) as [tf.Tensor1D, ...tf.Tensor1D[]];
      const scale = tf.exp(tf.mul(v, 0.5));
      let value = tf.mul(tf.square(v), -0.5 / 9);
      for (const each of z) {
        const w = tf.mul(each, scale);
        // log N(w; 0, e^v), and log |dw/dz|.
        const density = tf.sub(tf.mul(tf.div(tf.square(w), tf.square(scale)), -0.5), tf.mul(v, 0.5));
        value = tf.add(value, tf.add(density, tf.mul(v, 0.5)));
      }
      return value as tf.Tensor1D;
    },
    [3],
  ),
  observe: (x) => {
    const [v, z] = columns(x) as [tf.Tensor1D, tf.Tensor1D];
    const logW = tf.add(tf.log(tf.abs(z)), tf.mul(v, 0.5));
    return tf.stack([v, tf.square(v), logW, tf.cast(tf.less(v, -3), 'float32')], 1);
  },
  // E log|N(0, 1)| = −(γ + log 2)/2; Φ(−1).
  expectations: [0, 9, -0.6351814, 0.1586553],
  spread: 2,
};

/** How many standard errors each expectation is off, for one seed. */
async function scores(kernel: TransitionKernel, target: Target, seed: number): Promise<number[]> {
  const { energy, observe, expectations, spread } = target;
  const [startKey, burnKey, drawKey] = split(key(seed), 3) as [Key, Key, Key];
  const start = gaussian(energy.eventShape, { scale: spread }).sample(startKey, 150);
  const { x, trace } = runChains({ energy, kernel, steps: 20 }, start, burnKey);
  const recording = await record({ energy, kernel, draws: 30, observe }, x, drawKey);
  tf.dispose([start, x, recording.x, trace.value, trace.gradientNorm]);
  return recording.quantities.map((chains, j) => {
    const draws = chains.flatMap((chain) => Array.from(chain));
    const mean = draws.reduce((sum, draw) => sum + draw / draws.length, 0);
    return (mean - expectations[j]!) / mcseMean(chains);
  });
}

const SEEDS = [1, 2, 3];
// Paths of about π/2 standard deviations: half a period returns every chain to minus where it was.
const path = { stepSize: 0.35, leapfrogSteps: 3 };

describe.each<[string, TransitionKernel, Target]>([
  ['HMC on a correlated Gaussian', hmc(path), correlated],
  [
    'HMC with jitter and a dense mass on it',
    hmc({
      ...path,
      jitter: 0.4,
      inverseMass: [
        [1, 0.6, 0],
        [0.6, 1, 0.3],
        [0, 0.3, 0.5],
      ],
    }),
    correlated,
  ],
  [
    'HMC with persistent momentum on it',
    hmc({ stepSize: 0.6, leapfrogSteps: 1, persistence: 0.7 }),
    correlated,
  ],
  ['MALA on it', mala({ stepSize: 0.8 }), correlated],
  ['HMC on a mixture', hmc(path), mixture],
  ['MALA on a mixture', mala({ stepSize: 0.8 }), mixture],
  [
    'HMC on the reparametrised funnel',
    hmc({ stepSize: 0.7, leapfrogSteps: 2, inverseMass: [9, 1, 1] }),
    funnel,
  ],
  ['MALA on the reparametrised funnel', mala({ stepSize: 1.3 }), funnel],
])('%s', (_name, kernel, target) => {
  test('has the right moments, within standard errors', async () => {
    const all = (await Promise.all(SEEDS.map((seed) => scores(kernel, target, seed)))).flat();
    // A right kernel is beyond 3 standard errors once in 370 comparisons, and beyond 5 never.
    expect(Math.max(...all.map(Math.abs)), all.map((z) => z.toFixed(1)).join(' ')).toBeLessThan(5);
    expect(all.filter((z) => Math.abs(z) > 3).length).toBeLessThanOrEqual(1);
  });
});

test('the same comparison finds kernels without the test wrong', async () => {
  const coarse = { stepSize: 0.6, leapfrogSteps: 2, metropolis: false };
  for (const kernel of [hmc(coarse), langevin({ stepSize: 0.8 })]) {
    const all = await scores(kernel, correlated, 1);
    expect(Math.max(...all.map(Math.abs))).toBeGreaterThan(5);
  }
});

/** −2 (x² − 1)², and the edges of cells that part its mass. */
const wells = fromFunction(
  (x) => tf.mul(tf.square(tf.sub(tf.square(tf.squeeze(x, [1])), 1)), -2) as tf.Tensor1D,
  [1],
);
const EDGES = [-1.1, -0.8, -0.4, 0.4, 0.8, 1.1];

/** Independent draws from exp(−2 (x² − 1)²), by inverting its distribution function on a fine grid. */
function exactDraws(n: number, from: Key): tf.Tensor {
  const grid = Array.from({ length: 6001 }, (_, i) => -3 + i / 1000);
  let total = 0;
  const distribution = grid.map((x) => (total += Math.exp(-2 * (x ** 2 - 1) ** 2)));
  const draws = Array.from(uniforms(from, n, 1), (u) => {
    const mass = u * total;
    let [low, high] = [0, grid.length - 1];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (distribution[middle]! < mass) low = middle;
      else high = middle;
    }
    const fraction = (mass - distribution[low]!) / (distribution[high]! - distribution[low]!);
    // A sum up to a grid point covers half a cell on either side of it.
    return grid[low]! + fraction / 1000 + 1 / 2000;
  });
  return tf.tensor2d(draws, [n, 1]);
}

/** Bowker's statistic (1948) of the flows between cells in one step: χ² with 21 degrees where they balance. */
function imbalance(kernel: TransitionKernel, seed: number): number {
  const cells = EDGES.length + 1;
  const cellOf = (x: number): number => EDGES.filter((edge) => x > edge).length;
  const [startKey, stepKey] = split(key(seed)) as [Key, Key];
  const start = exactDraws(30_000, startKey);
  const { x } = runChains({ energy: wells, kernel, steps: 1 }, start, stepKey);
  const [from, to] = [start.dataSync(), x.dataSync()];
  const flows = Array.from({ length: cells }, () => new Float64Array(cells));
  from.forEach((a, i) => flows[cellOf(a)]![cellOf(to[i]!)]!++);
  let statistic = 0;
  for (let a = 0; a < cells; a++) {
    for (let b = 0; b < a; b++) {
      const both = flows[a]![b]! + flows[b]![a]!;
      if (both > 0) statistic += (flows[a]![b]! - flows[b]![a]!) ** 2 / both;
    }
  }
  return statistic;
}

describe('detailed balance between the cells of a double well', () => {
  test.each<[string, TransitionKernel]>([
    ['HMC', hmc({ stepSize: 0.45, leapfrogSteps: 3 })],
    ['HMC with jitter', hmc({ stepSize: 0.4, leapfrogSteps: 3, jitter: 0.5 })],
    ['MALA', mala({ stepSize: 0.6 })],
  ])('holds for %s', (_name, kernel) => {
    // The 1 % point of χ² with 21 degrees is 38.9; two of five seeds exceed it with probability 1e-3.
    expect(SEEDS.concat(4, 5).filter((seed) => imbalance(kernel, seed) > 38.9).length).toBeLessThanOrEqual(1);
  });

  test('fails for the same dynamics without the Metropolis test', () => {
    expect(imbalance(hmc({ stepSize: 0.45, leapfrogSteps: 3, metropolis: false }), 1)).toBeGreaterThan(200);
    expect(imbalance(langevin({ stepSize: 0.6 }), 1)).toBeGreaterThan(200);
  });
});
