/**
 * Roots of estimating equations that have a closed form, and the scatter of their estimates against the sandwich
 * covariance. The variables hold R replicates, which an event has a value for each of, so that one run makes R estimates.
 */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, test } from 'vitest';
import { dispose, type Energy, foldIn, fromFunction, type Key, key, normal, uniforms } from '@srmcmc/core';
import {
  assignAverage,
  type Estimator,
  estimatingEquation,
  momentMatching,
  type Optimizer,
  type OptimizerState,
  robbinsMonro,
  robbinsMonroSteps,
} from '@srmcmc/estimators';

const code = (expected: string): unknown => expect.objectContaining({ code: expected });
const REPLICATES = 1000;

/** Solves by one update for each of the steps, with fresh data and samples; the last state is returned. */
async function solve(
  energy: Energy,
  estimator: Estimator,
  optimizer: Optimizer,
  steps: number,
  draw: (step: number) => { data: tf.Tensor; samples: tf.Tensor },
): Promise<OptimizerState> {
  let state = optimizer.init(energy.variables);
  for (let step = 0; step < steps; step++) {
    const drawn = draw(step);
    const estimate = await estimator.estimate(energy, drawn.data, drawn.samples);
    const next = optimizer.update(energy.variables, estimate.gradients, state);
    dispose([drawn, estimate, state]);
    state = next;
  }
  return state;
}

/** Estimates [R] of a value whose sandwich variance is known: bias, scatter and rejections at 5%, each within 4 errors. */
function expectSandwich(estimates: ArrayLike<number>, mean: number, variance: number, root: number): void {
  const values = Array.from(estimates);
  const n = values.length;
  const found = values.reduce((sum, value) => sum + value, 0) / n;
  expect(Math.abs(found - mean)).toBeLessThan(4 * Math.sqrt(variance / n));
  const scatter = values.reduce((sum, value) => sum + (value - found) ** 2, 0) / (n - 1);
  // The limit is reached to a few percent after these many steps.
  expect(Math.abs(scatter / variance - 1)).toBeLessThan(4 * Math.sqrt(2 / (n - 1)) + 0.05);
  const rejected = values.filter((value) => Math.abs(value - root) > 1.959964 * Math.sqrt(variance)).length;
  expect(Math.abs(rejected / n - 0.05)).toBeLessThan(4 * Math.sqrt((0.05 * 0.95) / n) + 0.01);
}

describe('a Gaussian', () => {
  const [center, variance] = [0.7, 2.25];
  const [steps, batch] = [300, 8];

  test('has its mean and variance for the root of E_data[h] = 0, with the scatter of the sandwich', async () => {
    const mu = tf.variable(tf.zeros([REPLICATES]));
    const v = tf.variable(tf.ones([REPLICATES]));
    const logDensity = (x: tf.Tensor) =>
      tf.sum(tf.sub(tf.div(tf.square(tf.sub(x, mu)), tf.mul(v, -2)), tf.mul(tf.log(v), 0.5)), 1);
    const energy = fromFunction(logDensity as (x: tf.Tensor) => tf.Tensor1D, [REPLICATES], { mu, v });
    const estimator = estimatingEquation({
      equation: 'data',
      h: (x) => ({ mu: tf.sub(x, mu), v: tf.sub(tf.square(tf.sub(x, mu)), v) }),
    });
    const unused = tf.zeros([1, REPLICATES]);
    await solve(energy, estimator, robbinsMonro({ scale: 1 }), steps, (step) => ({
      data: tf.tidy(() =>
        tf.add(tf.mul(normal(foldIn(key(1), step), [batch, REPLICATES]), Math.sqrt(variance)), center),
      ),
      samples: unused.clone(),
    }));
    // A = −1 and γ = 1/t: V = B, the variances of x and of (x − μ)².
    const draws = steps * batch;
    expectSandwich(mu.dataSync(), center, variance / draws, center);
    // The running means that v is taken about are off by 1/t of a batch's mean, and by the start's distance at first.
    const harmonic = Array.from({ length: steps - 1 }, (_, t) => 1 / (t + 1)).reduce((a, b) => a + b);
    const bias = (center ** 2 + (variance / batch) * harmonic) / steps;
    expectSandwich(v.dataSync(), variance + bias, (2 * variance ** 2) / draws, variance + bias);
  });
});

describe('a linear energy on two spins', () => {
  // f(s) = a (s₁ + s₂) + b s₁ s₂; states in the order ++, −−, +−, −+.
  const [field, coupling] = [0.2, 0.3];
  const [steps, batch] = [500, 16];
  const replicates = 400;
  const H = [
    [2, 1],
    [-2, 1],
    [0, -1],
    [0, -1],
  ] as const;
  const probabilities = (a: number, b: number): number[] => {
    const weights = H.map(([first, second]) => Math.exp(a * first + b * second));
    const total = weights.reduce((sum, weight) => sum + weight);
    return weights.map((weight) => weight / total);
  };
  /** Exact draws [batch, R, 2] of h for the parameters of each replicate. */
  const draws = (a: ArrayLike<number>, b: ArrayLike<number>, from: Key): tf.Tensor => {
    const u = uniforms(from, batch, replicates);
    const laws = Array.from({ length: replicates }, (_, r) => probabilities(a[r]!, b[r]!));
    const values = Array.from(u, (level, i) => {
      let [state, below] = [0, 0];
      const p = laws[i % replicates]!;
      while (state < 3 && level > (below += p[state]!)) state++;
      return H[state]!;
    });
    return tf.tensor3d(values.flat(), [batch, replicates, 2]);
  };
  const part = (x: tf.Tensor, i: number): tf.Tensor =>
    tf.reshape(tf.slice(x, [0, 0, i], [-1, -1, 1]), [-1, replicates]);
  /** Var h, the Fisher information, [aa, ab, bb]. */
  const information = (a: number, b: number): readonly [number, number, number] => {
    const p = probabilities(a, b);
    const mean = (g: (h: readonly [number, number]) => number) =>
      H.reduce((sum, h, i) => sum + p[i]! * g(h), 0);
    const [m, n] = [mean(([f]) => f), mean(([, g]) => g)];
    return [mean(([f]) => (f - m) ** 2), mean(([f, g]) => (f - m) * (g - n)), mean(([, g]) => (g - n) ** 2)];
  };
  const pair = () => {
    const a = tf.variable(tf.zeros([replicates]));
    const b = tf.variable(tf.zeros([replicates]));
    const f = (x: tf.Tensor) =>
      tf.sum(tf.add(tf.mul(part(x, 0), a), tf.mul(part(x, 1), b)), 1) as tf.Tensor1D;
    return { a, b, energy: fromFunction(f, [replicates, 2], { a, b }) };
  };
  const everywhere = (value: number) => new Float32Array(replicates).fill(value);
  const [aa, ab, bb] = information(field, coupling);
  const determinant = aa * bb - ab * ab;

  test('has its closed-form root where samples have given moments, with the scatter of the sandwich', async () => {
    const { a, b, energy } = pair();
    const p = probabilities(field, coupling);
    const targets = [2 * (p[0]! - p[1]!), p[0]! + p[1]! - p[2]! - p[3]!] as const;
    // The inverse of the moments, from p(++), p(−−) and p(+−).
    const both = (1 + targets[1]) / 2;
    const [up, down, mixed] = [both / 2 + targets[0] / 4, both / 2 - targets[0] / 4, (1 - both) / 2];
    const roots = [Math.log(up / down) / 4, Math.log((up * down) / mixed ** 2) / 4] as const;
    const estimator = estimatingEquation({
      equation: 'samples',
      h: (x) => ({ a: tf.sub(part(x, 0), targets[0]), b: tf.sub(part(x, 1), targets[1]) }),
    });
    const after = 100;
    const optimizer = robbinsMonro({ scale: 0.5, offset: 5, exponent: 0.7, averageAfter: after });
    const unused = tf.zeros([1, replicates, 2]);
    const state = await solve(energy, estimator, optimizer, steps, (step) => ({
      data: unused.clone(),
      samples: draws(a.dataSync(), b.dataSync(), foldIn(key(2), step)),
    }));
    assignAverage(energy.variables, state);
    // A = B = I: V = I⁻¹.
    const n = (steps - after) * batch;
    expectSandwich(a.dataSync(), roots[0], bb / determinant / n, roots[0]);
    expectSandwich(b.dataSync(), roots[1], aa / determinant / n, roots[1]);
  });

  test('is learned from data by h = ∂f/∂θ, whose noise is that of data and samples', async () => {
    const { a, b, energy } = pair();
    const estimator = estimatingEquation({ h: (x) => ({ a: part(x, 0), b: part(x, 1) }) });
    const after = 100;
    const optimizer = robbinsMonro({ scale: 0.5, offset: 5, exponent: 0.7, averageAfter: after });
    const state = await solve(energy, estimator, optimizer, steps, (step) => ({
      data: draws(everywhere(field), everywhere(coupling), foldIn(key(3), step)),
      samples: draws(a.dataSync(), b.dataSync(), foldIn(key(4), step)),
    }));
    assignAverage(energy.variables, state);
    // A = I, B = 2I.
    const n = ((steps - after) * batch) / 2;
    expectSandwich(a.dataSync(), field, bb / determinant / n, field);
    expectSandwich(b.dataSync(), coupling, aa / determinant / n, coupling);
  });

  test('has with h = ∂f/∂θ the gradient of moment matching', async () => {
    const { energy } = pair();
    const data = draws(everywhere(field), everywhere(coupling), key(5));
    const samples = draws(everywhere(0), everywhere(0), key(6));
    const matched = await momentMatching.estimate(energy, data, samples);
    const estimator = estimatingEquation({ h: (x) => ({ a: part(x, 0), b: part(x, 1) }) });
    const found = await estimator.estimate(energy, data, samples);
    for (const name of ['a', 'b']) {
      const [value, expected] = [found.gradients[name]!.dataSync(), matched.gradients[name]!.dataSync()];
      value.forEach((each, i) => expect(each).toBeCloseTo(expected[i]!, 5));
    }
    expect(found.dataValue.dataSync()[0]).toBeCloseTo(matched.dataValue.dataSync()[0]!, 2);
    expect(found.sampleValue.dataSync()[0]).toBeCloseTo(matched.sampleValue.dataSync()[0]!, 2);
  });
});

describe('robbinsMonro', () => {
  test('takes the steps a / (t + b)^α', async () => {
    const x = tf.variable(tf.tensor1d([0, 1]));
    const optimizer = robbinsMonro({ scale: 0.5, offset: 2, exponent: 0.75 });
    const gradient = tf.tensor1d([1, -2]);
    let state = optimizer.init({ x });
    for (let i = 0; i < 3; i++) state = optimizer.update({ x }, { x: gradient }, state);
    const total = [3, 4, 5].reduce((sum, t) => sum + 0.5 / t ** 0.75, 0);
    expect(x.dataSync()[0]).toBeCloseTo(-total, 6);
    expect(x.dataSync()[1]).toBeCloseTo(1 + 2 * total, 6);
    expect(state).toEqual({ step: 3, moments: {} });
  });

  test('averages the iterates after the first', async () => {
    const x = tf.variable(tf.scalar(0));
    const optimizer = robbinsMonro({ scale: 1, averageAfter: 2 });
    let state = optimizer.init({ x });
    const iterates: number[] = [];
    for (let i = 0; i < 5; i++) {
      const next = optimizer.update({ x }, { x: tf.scalar((-1) ** i) }, state);
      dispose(state);
      state = next;
      iterates.push(x.dataSync()[0]!);
    }
    assignAverage({ x }, state);
    expect(x.dataSync()[0]).toBeCloseTo((iterates[2]! + iterates[3]! + iterates[4]!) / 3, 6);
  });

  test('refuses steps that do not add up to infinity, or whose squares do', () => {
    for (const exponent of [0.5, 0.3, 1.01, Number.NaN]) {
      expect(() => robbinsMonroSteps({ scale: 1, exponent })).toThrow(code('INVALID_ARGUMENT'));
    }
    expect(() => robbinsMonroSteps({ scale: 1, exponent: 2 })).toThrow(/exponent.*finite/);
    expect(() => robbinsMonroSteps({ scale: 1, exponent: 0.5 })).toThrow(/exponent.*squares/);
    for (const scale of [0, -1, Number.POSITIVE_INFINITY, Number.NaN]) {
      expect(() => robbinsMonro({ scale })).toThrow(/scale/);
    }
    expect(() => robbinsMonro({ scale: 1, offset: -1 })).toThrow(/offset/);
    expect(() => robbinsMonro({ scale: 1, averageAfter: 0.5 })).toThrow(/averageAfter/);
  });

  test('refuses a variable without a gradient, and a state without averages', () => {
    const x = tf.variable(tf.scalar(0));
    const optimizer = robbinsMonro({ scale: 1 });
    const state = optimizer.init({ x });
    expect(() => optimizer.update({ x }, {}, state)).toThrow(code('INVALID_ARGUMENT'));
    expect(() => assignAverage({ x }, state)).toThrow(/averageAfter/);
  });
});

describe('estimatingEquation refuses', () => {
  const x = tf.variable(tf.zeros([2]));
  const energy = fromFunction((z) => tf.sum(tf.mul(z, x), 1) as tf.Tensor1D, [2], { x });
  const events = tf.zeros([3, 2]);

  test('an h that lacks a variable or has another, leaving no tensor behind', async () => {
    const before = tf.memory().numTensors;
    for (const h of [() => ({}), (z: tf.Tensor) => ({ x: z, y: z }), (z: tf.Tensor) => ({ y: z })]) {
      const estimate = estimatingEquation({ h }).estimate(energy, events, events);
      await expect(estimate).rejects.toThrow(code('INVALID_ARGUMENT'));
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  test('an h of another shape, or events of another', async () => {
    const summed = estimatingEquation({ h: (z) => ({ x: tf.sum(z, 1) }) });
    await expect(summed.estimate(energy, events, events)).rejects.toThrow(code('INVALID_SHAPE'));
    const fine = estimatingEquation({ h: (z) => ({ x: z }) });
    await expect(fine.estimate(energy, events, tf.zeros([3, 1]))).rejects.toThrow(code('INVALID_SHAPE'));
  });

  test('an unknown equation', () => {
    const equation = 'both' as 'data';
    expect(() => estimatingEquation({ h: () => ({}), equation })).toThrow(code('INVALID_ARGUMENT'));
  });

  test('to go on after the abort', async () => {
    const fine = estimatingEquation({ h: (z) => ({ x: z }) });
    const estimate = fine.estimate(energy, events, events, { signal: AbortSignal.abort() });
    await expect(estimate).rejects.toThrow(code('CANCELLED'));
  });
});
