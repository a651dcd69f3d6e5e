import { expect, test } from 'vitest';
import { key, normals } from '@srmcmc/core';
import {
  entropy,
  type Grid,
  grid,
  kernelDensity,
  klDivergence,
  mass,
  normalisedDensity,
  smoothedDensity,
} from '../src/index.ts';
import { arrays, statistics } from './goldens.ts';

const array = arrays('densities.npz');

test("kernel density estimates are scipy's gaussian_kde, in 1 and 2 dimensions, by every rule of bandwidth", () => {
  for (const [rule, { line, plane }] of Object.entries(statistics.densities)) {
    const bandwidth = rule === 'scott' || rule === 'silverman' ? rule : Number(rule);
    const one = kernelDensity(array('line').values, { dimension: 1, bandwidth });
    const two = kernelDensity(array('plane').values, { dimension: 2, bandwidth });
    const at1 = one.at(array('at1').values);
    const at2 = two.at(array('at2').values);
    line.forEach((value, i) => expect(at1[i]! / value).toBeCloseTo(1, 10));
    plane.forEach((value, i) => expect(at2[i]! / value).toBeCloseTo(1, 10));
  }
});

test('samples on a point or a line, too few of them, and NaN are refused', () => {
  const code = (expected: string) => expect.objectContaining({ code: expected });
  const on = (x: number[], dimension: number) => () => kernelDensity(Float64Array.from(x), { dimension });
  expect(on([2, 2, 2], 1)).toThrow(code('CONSTANT_FEATURES'));
  expect(on([0, 0, 1, 2, 2, 4, 3, 6], 2)).toThrow(code('CONSTANT_FEATURES'));
  expect(on([0, 1, 0, 2, 0, 3], 2)).toThrow(code('CONSTANT_FEATURES'));
  expect(on([1], 1)).toThrow(code('TOO_FEW_EXAMPLES'));
  expect(on([1, NaN], 1)).toThrow(code('NON_FINITE_FEATURES'));
  expect(on([1, 2, 3, 4, 5, 6], 3)).toThrow('dimension: must be 1 or 2');
  expect(() => kernelDensity(Float64Array.of(1, 2), { dimension: 1, bandwidth: 0 })).toThrow('bandwidth');
});

const gaussianLog = (x: number, mean: number, deviation: number) => -(((x - mean) / deviation) ** 2) / 2;

test('entropy and KL on a grid are those of Gaussians in closed form', () => {
  const line = grid({ dimension: 1, low: -12, high: 12, cells: 2000 });
  const density = (mean: number, deviation: number) =>
    normalisedDensity(
      line,
      line.centres.map((x) => gaussianLog(x, mean, deviation)),
    );
  const [p, q] = [density(0.5, 0.7), density(-0.2, 1.1)];
  expect(mass(line, p)).toBeCloseTo(1, 12);
  expect(entropy(line, p)).toBeCloseTo(0.5 * Math.log(2 * Math.PI * Math.E * 0.49), 9);
  const expected = Math.log(1.1 / 0.7) + (0.49 + 0.49) / (2 * 1.21) - 0.5;
  expect(klDivergence(line, p, q)).toBeCloseTo(expected, 9);
  expect(klDivergence(line, p, p)).toBe(0);

  const plane = grid({ dimension: 2, low: -7, high: 7, cells: 140 });
  const logs = Float64Array.from(
    { length: plane.size },
    (_, i) => gaussianLog(plane.centres[2 * i]!, 0, 1) + gaussianLog(plane.centres[2 * i + 1]!, 1, 0.5) + 700,
  );
  expect(entropy(plane, normalisedDensity(plane, logs))).toBeCloseTo(Math.log(2 * Math.PI * Math.E * 0.5), 8);
});

test('the last coordinate of a grid changes fastest, and its points are the middles of cells', () => {
  const { centres, cellVolume } = grid({ dimension: 2, low: 0, high: 2, cells: 2 });
  expect([...centres]).toEqual([0.5, 0.5, 0.5, 1.5, 1.5, 0.5, 1.5, 1.5]);
  expect(cellVolume).toBe(1);
});

test('the KDE of more samples is nearer to the truth', () => {
  const plane = grid({ dimension: 2, low: -5, high: 5, cells: 60 });
  const truth = normalisedDensity(
    plane,
    Float64Array.from(
      { length: plane.size },
      (_, i) => gaussianLog(plane.centres[2 * i]!, 0, 1) + gaussianLog(plane.centres[2 * i + 1]!, 0, 1),
    ),
  );
  const divergence = (n: number) =>
    klDivergence(plane, truth, kernelDensity(normals(key(1), n, 2), { dimension: 2 }).at(plane.centres));
  expect(divergence(3000)).toBeLessThan(divergence(100) / 3);
});

test('KL is infinite where the model leaves out what the truth has; bad densities are refused', () => {
  const two = grid({ dimension: 1, low: 0, high: 1, cells: 2 });
  expect(klDivergence(two, [1, 1], [2, 0])).toBe(Infinity);
  expect(klDivergence(two, [2, 0], [1, 1])).toBeCloseTo(Math.LN2, 12);
  expect(() => klDivergence(two, [1, 1], [1])).toThrow(expect.objectContaining({ code: 'INVALID_SHAPE' }));
  expect(() => entropy(two, [-1, 3])).toThrow('must be finite and not negative, got -1 in cell 0');
  expect(() => entropy(two, [NaN, 1])).toThrow('got NaN in cell 0');
  expect(() => normalisedDensity(two, [-Infinity, -Infinity])).toThrow('is −∞ in every cell');
  expect(() => normalisedDensity(two, [NaN, 0])).toThrow('is NaN in cell 0');
  expect(() => grid({ dimension: 1, low: 1, high: 1, cells: 3 })).toThrow('must be below high');
});

/** The same estimate by the sum over all points, at a bandwidth. */
const direct = (of: Grid, points: Float32Array, bandwidth: number): Float64Array =>
  Float64Array.from({ length: of.size }, (_, cell) => {
    let sum = 0;
    for (let i = 0; i < points.length; i += of.dimension) {
      let square = 0;
      for (let axis = 0; axis < of.dimension; axis++) {
        square += (of.centres[cell * of.dimension + axis]! - points[i + axis]!) ** 2;
      }
      sum += Math.exp(-square / (2 * bandwidth ** 2)) / (bandwidth * Math.sqrt(2 * Math.PI)) ** of.dimension;
    }
    return sum / (points.length / of.dimension);
  });

test.each([
  [1, 1200],
  [2, 120],
])('a smoothed density in %i dimensions is the sum of Gaussians on the points', (dimension, cells) => {
  const of = grid({ dimension, low: -6, high: 6, cells });
  const side = 12 / cells;
  // At the middles of cells, where the estimate moves them to.
  const points = normals(key(2), 400, dimension).map((x) => side * (Math.floor(x / side) + 0.5));
  const { density, bandwidth, outside } = smoothedDensity(of, points);
  expect(outside).toBe(0);
  expect(mass(of, density)).toBeCloseTo(1, 4);
  const expected = direct(of, points, bandwidth);
  const even = 1 / 12 ** dimension / 401;
  const peak = Math.max(...expected);
  density.forEach((value, cell) => {
    expect(Math.abs(value - even - (expected[cell]! * 400) / 401)).toBeLessThan(1e-5 * peak);
  });
});

test('the bandwidth is the one under which left-out points are likeliest', () => {
  const line = grid({ dimension: 1, low: -6, high: 6, cells: 1200 });
  const points = normals(key(3), 300, 1).map((x, i) => (i % 2 === 0 ? -2 + 0.1 * x : 2 + x));
  const leftOut = (bandwidth: number): number => {
    let sum = 0;
    for (const [i, x] of points.entries()) {
      let others = 0;
      for (const [j, y] of points.entries()) {
        if (i !== j)
          others += Math.exp(-0.5 * ((x - y) / bandwidth) ** 2) / (bandwidth * Math.sqrt(2 * Math.PI));
      }
      sum += Math.log((others + 1 / 12) / 300);
    }
    return sum;
  };
  const { bandwidth } = smoothedDensity(line, points);
  const candidates = Array.from({ length: 60 }, (_, i) => 0.01 * 1.1 ** i);
  const best = Math.max(...candidates.map(leftOut));
  expect(best - leftOut(bandwidth)).toBeLessThan(0.5);
  // Scott's rule takes the distance of the modes for their width.
  expect(bandwidth).toBeLessThan(0.5 * 2 * 300 ** (-1 / 5));
});

test('points outside are counted and missing; too few inside, and coordinates that are no pairs, are refused', () => {
  const plane = grid({ dimension: 2, low: 0, high: 1, cells: 10 });
  const { outside, density } = smoothedDensity(plane, [0.5, 0.5, 0.4, 0.6, 3, 0.5, NaN, 0.2]);
  expect(outside).toBe(2);
  expect(mass(plane, density)).toBeLessThan(0.65);
  expect(Math.min(...density)).toBeGreaterThan(0);
  expect(() => smoothedDensity(plane, [0.5, 0.5, 2, 2])).toThrow(
    expect.objectContaining({ code: 'TOO_FEW_EXAMPLES' }),
  );
  expect(() => smoothedDensity(plane, [0.5, 0.5, 2])).toThrow(
    expect.objectContaining({ code: 'INVALID_SHAPE' }),
  );
});
