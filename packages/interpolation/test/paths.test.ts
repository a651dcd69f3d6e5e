import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { gaussian, InvalidArgumentError, InvalidShapeError, key, uniform } from '@srmcmc/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Curve, grid, mix, path, walk } from '../src/index.ts';

const CURVES: readonly Curve[] = ['variance-preserving', 'spherical', 'linear'];
const standard = (seed: number, n: number, size = 300): tf.Tensor => gaussian([size]).sample(key(seed), n);
const row = (x: tf.Tensor, i: number): Float32Array =>
  tf.tidy(() => tf.slice(x, i, 1).dataSync() as Float32Array);
const difference = (a: Float32Array, b: Float32Array): number =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
const variance = (values: Float32Array): number =>
  values.reduce((sum, value) => sum + value ** 2, 0) / values.length;

let before = 0;
beforeEach(() => {
  before = tf.memory().numTensors;
});
afterEach(() => {
  tf.disposeVariables();
});

/** Runs body and checks that nothing but its argument's tensors was made and kept. */
function withoutLeak(body: () => tf.Tensor[]): void {
  const made = body();
  expect(tf.memory().numTensors).toBe(before + made.length);
  tf.dispose(made);
}

describe.each(CURVES)('the %s curve', (curve) => {
  test('begins at one latent, ends at the other, and leaves no tensor behind', () => {
    withoutLeak(() => {
      const [from, to] = [standard(1, 3), standard(2, 3)];
      const z = path(from, to, { points: 5, curve });
      expect(z.shape).toEqual([15, 300]);
      for (let i = 0; i < 3; i++) {
        expect(difference(row(z, 5 * i), row(from, i))).toBeLessThan(1e-5);
        expect(difference(row(z, 5 * i + 4), row(to, i))).toBeLessThan(1e-5);
      }
      return [from, to, z];
    });
  });

  test('at one time of its own for each latent equals the curves taken alone', () => {
    const [from, to] = [standard(1, 2), standard(2, 2)];
    const together = mix(from, to, [0.3, 0.8], curve);
    const alone = mix(tf.slice(from, 1), tf.slice(to, 1), 0.8, curve);
    expect(difference(row(together, 1), row(alone, 0))).toBeLessThan(1e-6);
  });
});

test.each([
  ['variance-preserving', 1, 1],
  ['spherical', 1, 1],
  ['linear', 0.5, 1],
] as const)('in the middle of %s curves the variance is %d, at the ends %d', (curve, middle, end) => {
  const [from, to] = [standard(3, 40, 500), standard(4, 40, 500)];
  const at = (t: number): number => variance(mix(from, to, t, curve).dataSync() as Float32Array);
  // 20,000 numbers: the standard error of a variance of 1 is 0.01.
  expect(Math.abs(at(0) - end)).toBeLessThan(0.05);
  // The paper's curve has equal weights at ρ = 1/√2, the others at t = 1/2.
  expect(Math.abs(at(curve === 'variance-preserving' ? 1 - Math.SQRT1_2 : 0.5) - middle)).toBeLessThan(0.05);
});

test("the paper's curve is linear in ρ: ρ z₁ + √(1 − ρ²) z₂", () => {
  const from = tf.tensor2d([[1, 0]]);
  const to = tf.tensor2d([[0, 1]]);
  const z = path(from, to, { points: 5 }).arraySync() as number[][];
  for (const [i, rho] of [1, 0.75, 0.5, 0.25, 0].entries()) {
    expect(z[i]![0]).toBeCloseTo(rho, 6);
    expect(z[i]![1]).toBeCloseTo(Math.sqrt(1 - rho ** 2), 6);
  }
});

test('a spherical curve turns at even speed through the angle between its ends, and keeps their length', () => {
  const angle = 2;
  const z = path(tf.tensor2d([[3, 0]]), tf.tensor2d([[3 * Math.cos(angle), 3 * Math.sin(angle)]]), {
    points: 5,
    curve: 'spherical',
  }).arraySync() as number[][];
  for (const [i, [x, y]] of z.entries()) {
    expect(Math.atan2(y!, x!)).toBeCloseTo((angle * i) / 4, 5);
    expect(Math.hypot(x!, y!)).toBeCloseTo(3, 5);
  }
});

test('a spherical curve between equal or opposite latents has no bad number', () => {
  const from = tf.tensor2d([[1, 2]]);
  for (const to of [from, tf.neg(from)]) {
    const z = path(from, to, { points: 3, curve: 'spherical' }).dataSync();
    expect([...z].every(Number.isFinite)).toBe(true);
  }
});

test('a grid has its corners, keeps the variance inside, and its edges are paths', () => {
  withoutLeak(() => {
    const corners = standard(5, 4, 4000);
    const square = grid(corners, { rows: 3, columns: 4 });
    expect(square.shape).toEqual([12, 4000]);
    for (const [place, corner] of [0, 3, 8, 11].entries()) {
      expect(difference(row(square, corner), row(corners, place))).toBeLessThan(1e-5);
    }
    for (let i = 0; i < 12; i++) expect(Math.abs(variance(row(square, i)) - 1)).toBeLessThan(0.15);
    const [from, to] = [tf.slice(corners, 0, 1), tf.slice(corners, 1, 1)];
    const edge = path(from, to, { points: 4 });
    for (let i = 0; i < 4; i++) expect(difference(row(square, i), row(edge, i))).toBeLessThan(1e-5);
    return [corners, square, from, to, edge];
  });
});

test('grids of images keep the shape of a latent', () => {
  const corners = uniform([4, 4, 3]).sample(key(1), 4);
  expect(grid(corners, { rows: 2, columns: 3 }).shape).toEqual([6, 4, 4, 3]);
});

test('a walk passes every stop in order and closes, or ends at the last', () => {
  withoutLeak(() => {
    const stops = standard(6, 3);
    const closed = walk(stops, { points: 4 });
    const open = walk(stops, { points: 4, closed: false });
    expect([closed.shape[0], open.shape[0]]).toEqual([12, 9]);
    for (let i = 0; i < 3; i++) {
      expect(difference(row(closed, 4 * i), row(stops, i))).toBeLessThan(1e-5);
      expect(difference(row(open, 4 * i), row(stops, i))).toBeLessThan(1e-5);
    }
    const [last, first] = [tf.slice(stops, 2, 1), tf.slice(stops, 0, 1)];
    const back = mix(last, first, 0.75, 'variance-preserving');
    expect(difference(row(closed, 11), row(back, 0))).toBeLessThan(1e-5);
    return [stops, closed, open, last, first, back];
  });
});

test('bad curves, times, counts and shapes are refused by name', () => {
  const z = standard(1, 4, 3);
  expect(() => mix(z, z, 0.5, 'bezier' as Curve)).toThrow(InvalidArgumentError);
  expect(() => mix(z, z, 1.5, 'linear')).toThrow(/^t: /);
  expect(() => mix(z, z, [0.5], 'linear')).toThrow(/^t: /);
  expect(() => mix(z, standard(1, 3, 3), 0.5, 'linear')).toThrow(InvalidShapeError);
  expect(() => mix(tf.zeros([4]), z, 0.5, 'linear')).toThrow('from: expected shape [n, ...latent], got [4]');
  expect(() => path(z, z, { points: 1 })).toThrow(/^points/);
  expect(() => grid(standard(1, 3, 3))).toThrow(/^corners/);
  expect(() => grid(z, { rows: 1 })).toThrow(/^rows/);
  expect(() => walk(standard(1, 1, 3))).toThrow(/^stops/);
});

test.each([[3, 3], [5, 3], [4, 2], [4]])(
  'a path to ends [%s, %s] from starts [4, 3] is refused',
  (...shape) => {
    const refused = (): unknown => path(standard(1, 4, 3), tf.zeros(shape));
    expect(refused).toThrow(InvalidShapeError);
    expect(refused).toThrow(`to: expected shape [4, 3], got [${shape.join(', ')}]`);
  },
);
