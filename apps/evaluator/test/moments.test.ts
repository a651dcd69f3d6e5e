import { readFileSync } from 'node:fs';
import { openDataset } from '@srmcmc/datasets';
import { key, normals } from '@srmcmc/core';
import { describe, expect, it } from 'vitest';
import { Comoments } from '../src/moments/comoments.ts';
import { compareMoments, type Examples } from '../src/moments/comparison.ts';
import { symmetricEigenvalues } from '../src/moments/eigenvalues.ts';
import { momentCollector } from '../src/moments/example-moments.ts';
import {
  type Estimate,
  estimates,
  GroupedCollector,
  type GroupedSummary,
  pairEstimates,
} from '../src/moments/jackknife.ts';
import { distances, powerSpectrum, statistics } from '../src/moments/statistics.ts';

type GoldenEstimates = { value: number[]; standardError: number[] };

const goldens = JSON.parse(readFileSync(new URL('goldens/moments.json', import.meta.url), 'utf8')) as Record<
  'images' | 'points',
  Record<string, GoldenEstimates>
>;

async function goldenSummary(name: string): Promise<GroupedSummary> {
  const dataset = await openDataset(new URL(`goldens/${name}.npy`, import.meta.url).pathname);
  const grouped = new GroupedCollector(momentCollector(dataset.shape));
  for (let i = 0; i < dataset.size; i++) grouped.add(await dataset.gather([i]));
  return grouped.summary();
}

function expectEstimates(actual: readonly Estimate[], expected: GoldenEstimates): void {
  expect(actual).toHaveLength(expected.value.length);
  actual.forEach(({ name, value, standardError }, i) => {
    expect(Math.abs(value - expected.value[i]!), name).toBeLessThan(1e-10);
    expect(Math.abs(standardError - expected.standardError[i]!), `error of ${name}`).toBeLessThan(1e-10);
  });
}

describe('statistics seen one example at a time equal those of numpy over all of them', () => {
  it.each(['images', 'points'] as const)('%s: statistics and their jackknife errors', async (kind) => {
    expectEstimates(estimates(await goldenSummary(`${kind}-a`), statistics), goldens[kind].statistics!);
  });

  it.each(['images', 'points'] as const)('%s: distances and their jackknife errors', async (kind) => {
    const [a, b] = [await goldenSummary(`${kind}-a`), await goldenSummary(`${kind}-b`)];
    expectEstimates(pairEstimates(a, b, distances), goldens[kind].distances!);
  });

  it('images: the power spectrum, on a side that is no power of two', async () => {
    expectEstimates(estimates(await goldenSummary('images-a'), powerSpectrum), goldens.images.power!);
  });
});

describe('merging', () => {
  it('gives the moments of all vectors, whatever the parts', () => {
    const values = normals(key(1), 50, 3);
    const whole = new Comoments(3);
    const parts = [1, 30, 19].map(() => new Comoments(3));
    for (let i = 0; i < 50; i++) {
      whole.add(values, 3 * i);
      parts[i < 1 ? 0 : i < 31 ? 1 : 2]!.add(values, 3 * i);
    }
    const merged = new Comoments(3);
    for (const part of [...parts, new Comoments(3)]) merged.merge(part);
    expect(merged.count).toBe(50);
    merged.mean.forEach((mean, i) => expect(mean).toBeCloseTo(whole.mean[i]!, 12));
    merged.covariance().forEach((value, i) => expect(value).toBeCloseTo(whole.covariance()[i]!, 12));
  });
});

describe('symmetricEigenvalues', () => {
  it('finds 2 − 2 cos(kπ / (n + 1)) for the second difference matrix', () => {
    const n = 20;
    const matrix = new Float64Array(n * n);
    for (let i = 0; i < n; i++) {
      matrix[i * n + i] = 2;
      if (i > 0) matrix[i * n + i - 1] = matrix[(i - 1) * n + i] = -1;
    }
    symmetricEigenvalues(matrix, n).forEach((value, i) => {
      expect(value).toBeCloseTo(2 - 2 * Math.cos(((n - i) * Math.PI) / (n + 1)), 12);
    });
  });

  it('finds one eigenvalue for a matrix of rank one', () => {
    const v = [1, 2, 3];
    const matrix = Float64Array.from({ length: 9 }, (_, i) => v[Math.floor(i / 3)]! * v[i % 3]!);
    const found = symmetricEigenvalues(matrix, 3);
    expect(found[0]).toBeCloseTo(14, 12);
    expect(Math.abs(found[1]!) + Math.abs(found[2]!)).toBeLessThan(1e-12);
  });
});

describe('standard errors', () => {
  it('of a mean is the standard deviation over √n when every example is a group of its own', () => {
    const grouped = new GroupedCollector(momentCollector([1]));
    const values = normals(key(5), 20, 1);
    for (const value of values) grouped.add([value]);
    const mean = values.reduce((sum, value) => sum + value, 0) / 20;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 19;
    const [estimate] = estimates(grouped.summary(), statistics);
    expect(estimate!.standardError).toBeCloseTo(Math.sqrt(variance / 20), 12);
  });

  it('cover: |z| of a gap between equal distributions exceeds 2 about 5 % of the time, and 3 rarely', async () => {
    const z: number[] = [];
    for (let repeat = 0; repeat < 60; repeat++) {
      const draw = (set: number) => vectors(normals(key(100 + 3 * repeat + set), 200, 2), 2);
      const { statistics: rows } = await compareMoments([2], {
        samples: draw(0),
        data: draw(1),
        otherData: draw(2),
      });
      for (const { gap, baseline } of rows.slice(0, 4)) z.push(gap.z!, baseline.z!);
    }
    // 480 values of z, of which 4.6 % exceed 2 for a normal; from 32 groups the tails are a little heavier.
    const beyond = (limit: number) => z.filter((value) => Math.abs(value) > limit).length / z.length;
    expect(beyond(2)).toBeGreaterThan(0.015);
    expect(beyond(2)).toBeLessThan(0.1);
    expect(beyond(3.5)).toBeLessThan(0.01);
  });
});

describe('compareMoments', () => {
  it('finds a shifted mean and a wider spread far outside the noise, and the baseline inside it', async () => {
    const points = (seed: number) => normals(key(seed), 500, 2);
    const { statistics: rows, distances: rowsOfDistances } = await compareMoments([2], {
      samples: vectors(
        points(1).map((value, i) => (i % 2 === 0 ? value + 0.5 : 1.5 * value)),
        2,
      ),
      data: vectors(points(2), 2),
      otherData: vectors(points(3), 2),
    });
    const row = (name: string) => rows.find((each) => each.name === name)!;
    expect(row('mean, coordinate 1').gap.value).toBeCloseTo(0.5, 0);
    expect(row('mean, coordinate 1').gap.z).toBeGreaterThan(5);
    expect(row('standard deviation, coordinate 2').gap.z).toBeGreaterThan(5);
    for (const { baseline } of rows) expect(Math.abs(baseline.z!)).toBeLessThan(4);
    const [mean, covariance] = rowsOfDistances;
    expect(mean!.samplesToData.value).toBeGreaterThan(3 * mean!.dataToData.value);
    expect(covariance!.samplesToData.value).toBeGreaterThan(3 * covariance!.dataToData.value);
  });
});

async function* vectors(values: Float32Array, dimension: number): Examples {
  for (let i = 0; i < values.length; i += dimension) yield values.subarray(i, i + dimension);
}
