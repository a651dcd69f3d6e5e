import { expect, test } from 'vitest';
import { key, normals } from '@srmcmc/core';
import {
  bootstrap,
  difference,
  type FeatureSet,
  featureSet,
  frechetDistance,
  inceptionScore,
  IncomparableError,
  jackknife,
  type Measurement,
  momentGaps,
  requireComparable,
  statisticsOf,
} from '../src/index.ts';

const source = { name: 'plane', weights: 'a1', resize: null, precision: null };

function plane(seed: number, n: number, shift = 0): FeatureSet {
  return featureSet(
    normals(key(seed), n, 2).map((z, i) => (i % 2 === 0 ? z + shift : 2 * z)),
    2,
    source,
  );
}

/** The mean of the first feature: its standard error is known. */
const firstMean = ([set]: readonly FeatureSet[]): Measurement => {
  let sum = 0;
  for (let i = 0; i < set!.count; i++) sum += set!.values[2 * i]!;
  const computedWith = { samples: set!.count, settings: {} };
  return { metric: 'first mean', value: sum / set!.count, computedWith, warnings: [] };
};

function deviationOfFirst(set: FeatureSet): number {
  return Math.sqrt(statisticsOf(set).covariance[0]!);
}

test('jackknife and bootstrap give a mean the error σ / √n', async () => {
  const set = plane(1, 800);
  const expected = deviationOfFirst(set) / Math.sqrt(800);
  const fine = await jackknife([set], firstMean, { groups: 400 });
  // Groups of two: the deviation of 400 means of two, itself known to 1 / √800.
  expect(Math.abs(fine.standardError / expected - 1)).toBeLessThan(4 / Math.sqrt(800));
  expect(fine.interval.high - fine.value).toBeCloseTo(1.959963984540054 * fine.standardError, 12);
  expect(fine.value).toBe(firstMean([set]).value);
  const drawn = await bootstrap([set], firstMean, { replicates: 800 });
  expect(Math.abs(drawn.standardError / expected - 1)).toBeLessThan(4 / Math.sqrt(1600));
  expect((drawn.interval.high - drawn.interval.low) / (2 * 1.96 * expected)).toBeGreaterThan(0.8);
  expect((drawn.interval.high - drawn.interval.low) / (2 * 1.96 * expected)).toBeLessThan(1.2);
});

test("the bootstrap error of a Fréchet distance is the jackknife's, and a normal interval is about the value", async () => {
  const sets = [plane(11, 300), plane(12, 300, 2)];
  const distance = async ([x, y]: readonly FeatureSet[]) =>
    frechetDistance(statisticsOf(x!), statisticsOf(y!));
  const drawn = await bootstrap(sets, distance, { interval: 'normal', seed: 3 });
  const deleted = await jackknife(sets, distance);
  // Known to 1 / √400 and 1 / √80.
  expect(Math.abs(drawn.standardError / deleted.standardError - 1)).toBeLessThan(0.5);
  expect((drawn.interval.low + drawn.interval.high) / 2).toBeCloseTo(drawn.value, 12);
  expect(drawn.interval).toMatchObject({ method: 'bootstrap', resamplings: 200, seed: 3 });
  expect(deleted.interval).toMatchObject({ method: 'jackknife', resamplings: 40, seed: 0 });
});

test('a 90 % jackknife interval of a Fréchet distance between one-feature sets holds the truth about that often', async () => {
  // Far apart, so that the bias is small beside the error.
  let held = 0;
  const trials = 60;
  const one = (seed: number, mean: number) =>
    featureSet(
      normals(key(seed), 200, 1).map((z) => z + mean),
      1,
    );
  for (let trial = 0; trial < trials; trial++) {
    const { interval } = await jackknife(
      [one(2 * trial, 0), one(2 * trial + 1, 3)],
      async ([x, y]) => frechetDistance(statisticsOf(x!), statisticsOf(y!)),
      { level: 0.9 },
    );
    if (interval.low <= 9 && 9 <= interval.high) held += 1;
  }
  // Binomial: 54 ± 2.3 were every error exact.
  expect(held).toBeGreaterThan(54 - 9);
});

test('the error of a difference follows from those of both', async () => {
  const measure = async (seed: number) => jackknife([plane(seed, 100)], firstMean);
  const [a, b] = [await measure(1), await measure(2)];
  const { value, standardError, z } = difference(a, b);
  expect(value).toBe(a.value - b.value);
  expect(standardError).toBe(Math.hypot(a.standardError, b.standardError));
  expect(z).toBe(value / standardError!);
});

test('results of other features, weights, counts, references or settings are not compared, and it is said why', async () => {
  const reference = statisticsOf(plane(9, 300));
  const distance = async (set: FeatureSet, to = reference) => frechetDistance(statisticsOf(set), to);
  const base = await distance(plane(1, 100));
  expect(difference(base, await distance(plane(2, 100))).value).not.toBe(0);
  const differences = (a: Measurement, b: Measurement): readonly string[] => {
    try {
      requireComparable([a, a, b]);
    } catch (error) {
      if (error instanceof IncomparableError) return error.differences;
    }
    return [];
  };
  expect(differences(base, await distance(plane(2, 101)))).toEqual(['computedWith.samples: 100, 101']);
  const otherReference = await distance(plane(1, 100), statisticsOf(plane(8, 300)));
  expect(differences(base, otherReference)).toEqual([
    expect.stringContaining('computedWith.reference.sha256'),
  ]);
  const otherSource = { ...source, weights: 'b2' };
  const relabelled = (set: FeatureSet) => ({ ...set, source: otherSource });
  const otherWeights = await distance(relabelled(plane(1, 100)), statisticsOf(relabelled(plane(9, 300))));
  expect(differences(base, otherWeights)).toEqual(['computedWith.features.weights: a1, b2']);
  const [ten, five] = [10, 5].map((splits) => inceptionScore(plane(1, 100), { splits }));
  expect(() => difference(ten!, five!)).toThrow('computedWith.settings.splits: 10, 5');
  expect(() => difference(base, ten!)).toThrow(expect.objectContaining({ code: 'INCOMPARABLE' }));
});

test('moment gaps of equal distributions are noise, and a moved mean shows', () => {
  const { gaps } = momentGaps(plane(3, 1000, 0.3), plane(4, 1000));
  expect(gaps.map(({ moment, features }) => `${moment} ${features.join()}`)).toEqual([
    'mean 0',
    'mean 1',
    'standard deviation 0',
    'standard deviation 1',
    'correlation 0,1',
  ]);
  const [moved, ...others] = gaps;
  expect(moved!.z).toBeGreaterThan(4);
  expect(moved!.low).toBeGreaterThan(0);
  for (const { z, low, high, gap } of others) {
    expect(Math.abs(z!)).toBeLessThan(4);
    expect(gap).toBeGreaterThanOrEqual(low - (high - low));
    expect(gap).toBeLessThanOrEqual(high + (high - low));
  }
});

test('bootstrap errors of means, deviations and correlations are those of normal theory', () => {
  const n = 2000;
  const { gaps } = momentGaps(plane(5, n), plane(6, n), { replicates: 400 });
  // Of one set: σ / √n, σ / √(2n), and (1 − ρ²) / √n with ρ = 0; two sets add.
  const expected = [1, 2, 1 / Math.SQRT2, 2 / Math.SQRT2, 1].map((factor) => factor * Math.sqrt(2 / n));
  // Of 400 replicates the deviation is known to 1 / √800.
  gaps.forEach(({ standardError }, i) =>
    expect(Math.abs(standardError / expected[i]! - 1)).toBeLessThan(0.18),
  );
});

test('a feature that does not vary has a gap without an error, and no correlation', () => {
  const still = featureSet(
    Float32Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 3 : i)),
    2,
  );
  const { gaps } = momentGaps(still, still);
  expect(gaps[0]).toMatchObject({ gap: 0, standardError: 0, z: null });
  expect(gaps[4]).toMatchObject({ moment: 'correlation', samples: 0, gap: 0 });
  const single = featureSet(Float32Array.of(1, 2), 2);
  expect(() => momentGaps(single, still)).toThrow(expect.objectContaining({ code: 'TOO_FEW_EXAMPLES' }));
});

test('levels and counts that make no sense are refused', async () => {
  const set = plane(1, 30);
  await expect(jackknife([set], firstMean)).rejects.toMatchObject({ code: 'TOO_FEW_EXAMPLES' });
  for (const resample of [jackknife, bootstrap]) {
    const nothing = resample([], () => firstMean([set]));
    await expect(nothing).rejects.toMatchObject({ code: 'TOO_FEW_EXAMPLES', needed: 1, count: 0 });
  }
  await expect(jackknife([set], firstMean, { groups: 5, level: 1 })).rejects.toMatchObject({
    field: 'level',
  });
  await expect(bootstrap([set], firstMean, { replicates: 1 })).rejects.toMatchObject({ field: 'replicates' });
});
