import { key, normals } from '@srmcmc/core';
import { describe, expect, test } from 'vitest';
import {
  type EstimatingFunction,
  type Family,
  fisherInformation,
  matching,
  replicated,
  sandwich,
} from '../theory/estimating.ts';
import { type Feature, normalised, tilted } from '../theory/finite.ts';
import { combination } from '../theory/geometry.ts';
import { inverse, type Matrix, multiply } from '../theory/linear-algebra.ts';

const STATES = 12;
const even = normalised(new Float64Array(STATES).fill(1));
const truth = [0.3, -0.4];

/** An exponential family of random features, and its score. */
function randomFamily(seed: number): { family: Family; score: EstimatingFunction } {
  const features = pair(seed);
  const family: Family = (theta) => tilted(even, combination(theta, features));
  return { family, score: matching(features, family) };
}

const pair = (seed: number): Feature[] => [0, 1].map((step) => normals(key(seed), 1, STATES, step));

const largest = (matrix: Matrix): number => Math.max(...matrix.flat().map(Math.abs));
const minus = (a: Matrix, b: Matrix): Matrix => a.map((row, j) => row.map((v, k) => v - b[j]![k]!));

describe.each([1, 2, 3, 4, 5])('seed %i', (seed) => {
  const { family, score } = randomFamily(seed);

  test('at the score the sandwich is the inverse of the information', () => {
    const bound = inverse(fisherInformation(family, truth));
    expect(largest(minus(sandwich(score, family, truth).V, bound)) / largest(bound)).toBeLessThan(1e-7);
  });

  test('at any other h it is no less, in every direction', () => {
    const bound = inverse(fisherInformation(family, truth));
    for (let other = 0; other < 20; other++) {
      const { V } = sandwich(matching(pair(1000 * seed + other), family), family, truth);
      const [[a, b], [c, d]] = minus(V, bound) as [[number, number], [number, number]];
      // Positive semidefinite: relative to V's own size, which differences make uncertain.
      expect(a + d).toBeGreaterThan(0);
      expect(a * d - b * c).toBeGreaterThan(-1e-6 * largest(V) ** 2);
    }
  });
});

test('the covariance of simulated estimates is the sandwich, of the score and of another h, and not each other’s', () => {
  const waves = [Math.cos, Math.sin].map((wave) =>
    even.map((_, x) => wave((2 * Math.PI * (x + 0.3)) / STATES)),
  );
  const family: Family = (theta) => tilted(even, combination(theta, waves));
  const score = matching(waves, family);
  const other = matching(
    waves.map((wave) => wave.map(Math.sign)),
    family,
  );
  const [V, W] = [score, other].map((h) => sandwich(h, family, truth).V) as [Matrix, Matrix];
  // Twelve z-scores: beyond 5, once in 140,000 runs.
  const [own, others] = [score, other].map((h) =>
    replicated(h, family, truth, { n: 2000, replicates: 2500, key: key(9) }),
  ) as [ReturnType<typeof replicated>, ReturnType<typeof replicated>];
  const z = (found: typeof own, matrix: Matrix): number =>
    Math.max(
      ...minus(found.covariance, matrix).flatMap((row, j) =>
        row.map((v, k) => Math.abs(v) / found.errors[j]![k]!),
      ),
    );
  expect(own.without + others.without).toBe(0);
  expect(z(own, V)).toBeLessThan(5);
  expect(z(others, W)).toBeLessThan(5);
  expect(z(others, V)).toBeGreaterThan(5);
});

test('an inverse times its matrix is the identity', () => {
  const a = [0, 1, 2].map((step) => Array.from(normals(key(3), 1, 3, step)));
  expect(
    largest(
      minus(multiply(a, inverse(a)), [
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
      ]),
    ),
  ).toBeLessThan(1e-12);
});
