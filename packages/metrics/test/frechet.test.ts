import { expect, test } from 'vitest';
import { key, normals } from '@srmcmc/core';
import {
  featureSet,
  type FeatureStatistics,
  frechetDistance,
  frechetDistanceInfinity,
  RunningStatistics,
  statisticsOf,
} from '../src/index.ts';
import { arrays, statistics as golden } from './goldens.ts';

const source = { name: 'test', weights: null, resize: null, precision: null };
const frechetArrays = arrays('frechet.npz');

function statisticsAt(name: string, which: 1 | 2): FeatureStatistics {
  const mean = frechetArrays(`${name}/mu${which}`).values;
  const covariance = frechetArrays(`${name}/sigma${which}`).values;
  return { mean, covariance, dimension: mean.length, count: 1000, source };
}

for (const [name, { exact, pytorchFid, trace }] of Object.entries(golden.frechet)) {
  test(`Fréchet distance, ${name}: what 60 digits give, to 1e-11 of the traces, both ways round`, async () => {
    const [a, b] = [statisticsAt(name, 1), statisticsAt(name, 2)];
    for (const [x, y] of [
      [a, b],
      [b, a],
    ] as const) {
      const { value } = await frechetDistance(x, y);
      expect(Math.abs(value - exact) / Math.max(trace, exact)).toBeLessThan(1e-11);
      // pytorch-fid's own rounding errors are larger, and its product of covariances can vanish or overflow.
      if (pytorchFid === null || name === 'tiny') continue;
      expect(Math.abs(value - pytorchFid) / Math.max(trace, exact)).toBeLessThan(1e-6);
    }
  });
}

/** n draws with covariance diag(scale²), about `mean`. */
function gaussian(seed: number, n: number, scales: readonly number[], mean = 0): Float64Array {
  const d = scales.length;
  return Float64Array.from(normals(key(seed), n, d), (z, i) => mean + z * scales[i % d]!);
}

test('of diagonal covariances it is Σ (σ₁ − σ₂)² + |μ₁ − μ₂|², in a thread as in this one', async () => {
  for (const dimension of [5, 300]) {
    const deviations = (shift: number) => Array.from({ length: dimension }, (_, i) => 10 ** -(i % 7) + shift);
    const diagonal = (of: number[], mean: number): FeatureStatistics => {
      const covariance = new Float64Array(dimension ** 2);
      of.forEach((deviation, i) => (covariance[i * dimension + i] = deviation ** 2));
      return { mean: new Float64Array(dimension).fill(mean), covariance, dimension, count: 1e6, source };
    };
    const [left, right] = [deviations(0), deviations(0.25).reverse()];
    const expected = left.reduce((sum, deviation, i) => sum + (deviation - right[i]!) ** 2, 0) + dimension;
    const { value, meanTerm } = await frechetDistance(diagonal(left, 2), diagonal(right, 3));
    expect(meanTerm).toBe(dimension);
    expect(value).toBeCloseTo(expected, 9);
  }
});

test('fewer examples than features: equal sets are at distance 0, rotated ones where they were', async () => {
  const scales = Array.from({ length: 260 }, (_, i) => 3 / (1 + i));
  const [a, b] = [gaussian(1, 90, scales), gaussian(2, 120, scales, 0.1)];
  const [x, y] = [a, b].map((values) => statisticsOf(featureSet(values, 260))) as [
    FeatureStatistics,
    FeatureStatistics,
  ];
  const same = await frechetDistance(x, x);
  expect(same.value).toBeLessThan(1e-11);
  // Once, though both sets are too small.
  expect(same.warnings).toEqual([
    expect.stringMatching(
      /^samples and reference: 90 and 90 examples for 260 features make a singular covariance/,
    ),
  ]);
  expect(same.meanBias).toBeGreaterThan(0);
  const before = await frechetDistance(x, y);
  // A reflection I − 2 v vᵀ / |v|² of all features.
  const v = normals(key(3), 1, 260);
  const norm = v.reduce((sum, z) => sum + z * z, 0);
  const [rx, ry] = [a, b].map((values) => {
    const turned = values.slice();
    for (let row = 0; row < turned.length; row += 260) {
      const inner = v.reduce((sum, z, i) => sum + z * values[row + i]!, 0);
      for (let i = 0; i < 260; i++) turned[row + i]! -= (2 * inner * v[i]!) / norm;
    }
    return statisticsOf(featureSet(turned, 260));
  }) as [FeatureStatistics, FeatureStatistics];
  const after = await frechetDistance(rx, ry);
  expect(Math.abs(after.value - before.value)).toBeLessThan(1e-10 * before.value);
});

test('covariances rounded to single precision, and so no longer semi-definite, move a distance by less than 1e-5', async () => {
  const scales = Array.from({ length: 120 }, (_, i) => 2 / (1 + i));
  const [x, y] = [1, 2].map((seed) =>
    statisticsOf(featureSet(gaussian(seed, 50 + seed, scales, 0.2 * seed), 120, source)),
  ) as [FeatureStatistics, FeatureStatistics];
  const rounded = (of: FeatureStatistics) => ({ ...of, covariance: of.covariance.map(Math.fround) });
  const exact = await frechetDistance(x, y);
  const { value } = await frechetDistance(rounded(x), rounded(y));
  expect(Math.abs(value / exact.value - 1)).toBeLessThan(1e-5);
});

test('statistics do not depend on how vectors were cut into batches, and parts merge into the whole', async () => {
  const a = Float32Array.from(arrays('features.npz')('a').values);
  const whole = statisticsOf(featureSet(a, 24));
  const { mean, diagonal, row } = golden.features.covariance;
  expect(Math.max(...mean.map((value, i) => Math.abs(value - whole.mean[i]!)))).toBeLessThan(1e-15);
  diagonal.forEach((value, i) => expect(whole.covariance[i * 25]!).toBeCloseTo(value, 14));
  row.forEach((value, i) => expect(whole.covariance[5 * 24 + i]!).toBeCloseTo(value, 14));
  const one = new RunningStatistics(24);
  for (let i = 0; i < a.length; i += 24) one.add(a.subarray(i, i + 24));
  expect(one.result()).toEqual(whole);
  const [left, right] = [new RunningStatistics(24), new RunningStatistics(24)];
  left.add(a.subarray(0, 24 * 10));
  right.add(a.subarray(24 * 10));
  left.merge(right);
  const merged = left.result();
  expect(merged.count).toBe(75);
  merged.covariance.forEach((value, i) => expect(value).toBeCloseTo(whole.covariance[i]!, 14));
});

test('a covariance about a mean a million times as large as the deviations keeps its digits', () => {
  const near = gaussian(4, 500, [1, 1, 1]);
  const far = near.map((value) => value + 1e6);
  const [x, y] = [near, far].map((values) => statisticsOf(featureSet(values, 3)).covariance);
  x!.forEach((value, i) => expect(y![i]!).toBeCloseTo(value, 9));
});

test('FID∞ is nearer to the truth than the distance of all samples, which is too large by the known bias', async () => {
  const d = 20;
  const scales = Array.from({ length: d }, (_, i) => 1 + i / d);
  const shift = 0.2;
  const covariance = new Float64Array(d ** 2);
  scales.forEach((scale, i) => (covariance[i * d + i] = scale ** 2));
  const reference = { mean: new Float64Array(d), covariance, dimension: d, count: 1e9, source };
  const truth = d * shift ** 2;
  const errors = await Promise.all(
    [0, 1, 2, 3, 4, 5].map(async (seed) => {
      const set = featureSet(gaussian(100 + seed, 600, scales, shift), d, source);
      const all = await frechetDistance(statisticsOf(set), reference);
      const infinite = await frechetDistanceInfinity(set, reference, { points: 10, smallest: 100, seed });
      expect(infinite.slope).toBeGreaterThan(0);
      return [all.value - truth, infinite.value - truth, all.meanBias];
    }),
  );
  const mean = (column: number) => errors.reduce((sum, row) => sum + row[column]!, 0) / errors.length;
  expect(mean(0)).toBeGreaterThan(mean(2));
  expect(Math.abs(mean(1))).toBeLessThan(mean(0) / 3);
});

test('what is no pair of statistics is refused, and named', async () => {
  const good = statisticsAt('regular', 1);
  const noCovariance = { ...good, covariance: good.covariance.slice() };
  noCovariance.covariance[1] = noCovariance.covariance[12] = 1e3;
  await expect(frechetDistance(good, noCovariance)).rejects.toMatchObject({
    field: 'reference.covariance',
    message: expect.stringContaining('negative eigenvalue'),
  });
  const nan = { ...good, mean: good.mean.with(3, NaN) };
  await expect(frechetDistance(nan, good)).rejects.toMatchObject({ code: 'NON_FINITE_FEATURES' });
  const smaller = statisticsOf(featureSet(gaussian(1, 9, [1, 1]), 2, source));
  await expect(frechetDistance(good, smaller)).rejects.toMatchObject({
    code: 'INCOMPARABLE',
    message: expect.stringMatching(/number: \d+, 2/),
  });
  const other = { ...good, source: { ...source, weights: 'abc' } };
  await expect(frechetDistance(good, other)).rejects.toMatchObject({
    code: 'INCOMPARABLE',
    differences: [expect.stringMatching(/^weights: .*, abc$/)],
  });
  expect(() => featureSet(new Float32Array(0), 4)).toThrow(
    expect.objectContaining({ code: 'TOO_FEW_EXAMPLES' }),
  );
  expect(() => featureSet(new Float32Array(7), 4)).toThrow(
    expect.objectContaining({ code: 'INVALID_SHAPE' }),
  );
  expect(() => featureSet(Float32Array.of(1, 2, 3, NaN), 2)).toThrow('feature 1 of image 1 is not finite');
  expect(() => statisticsOf(featureSet(new Float32Array(4), 4))).toThrow('a covariance is divided by n − 1');
});

test('a distance that takes a thread ends when its signal is aborted', async () => {
  const scales = new Array<number>(600).fill(1);
  const set = statisticsOf(featureSet(gaussian(5, 700, scales), 600, source));
  const controller = new AbortController();
  const promise = frechetDistance(set, set, { signal: controller.signal });
  setTimeout(() => controller.abort(new Error('enough')), 1);
  await expect(promise).rejects.toThrow('enough');
  await expect(frechetDistance(set, set, { signal: controller.signal })).rejects.toThrow('enough');
});

test('constant features are at the distance of their means, with a warning', async () => {
  const constant = (value: number) => statisticsOf(featureSet(new Float64Array(40).fill(value), 4, source));
  const result = await frechetDistance(constant(1), constant(3));
  expect(result.value).toBe(16);
  expect(result.warnings).toContain('samples: all examples have the same features');
});
