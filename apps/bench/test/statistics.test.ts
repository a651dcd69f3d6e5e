import { key, normals } from '@srmcmc/core';
import { describe, expect, it } from 'vitest';
import { interquartileRange, median, medianError, quantile } from '../src/statistics.ts';

describe('order statistics', () => {
  // numpy.quantile(values, [0, .1, .25, .5, .75, 1]) of NumPy 2.4, and scipy.stats.iqr.
  const values = [3.1, 0.2, 9.5, 4.4, 4.4, 7.0, 1.3, 2.2];
  it.each([
    [0, 0.2],
    [0.1, 0.97],
    [0.25, 1.975],
    [0.5, 3.75],
    [0.75, 5.05],
    [1, 9.5],
  ])('the quantile at %f is that of NumPy', (p, expected) => {
    expect(quantile(values, p)).toBeCloseTo(expected, 12);
  });

  it('the interquartile range is that of SciPy, and the input keeps its order', () => {
    const before = [...values];
    expect(interquartileRange(values)).toBeCloseTo(3.075, 12);
    expect(values).toEqual(before);
  });

  it('one slow sample does not move the median', () => {
    expect(median([1, 1.01, 0.99, 1, 50])).toBe(1);
  });

  it("a median's error is the spread of the medians of many repetitions", () => {
    const [repetitions, count] = [2000, 25];
    const draws = normals(key(3), repetitions, count);
    const samples = Array.from({ length: repetitions }, (_, i) => [
      ...draws.subarray(i * count, (i + 1) * count),
    ]);
    const medians = samples.map(median);
    const spread = Math.sqrt(medians.reduce((sum, value) => sum + value ** 2, 0) / repetitions);
    const predicted = median(samples.map((sample) => medianError(interquartileRange(sample), count)));
    expect(predicted / spread).toBeGreaterThan(0.9);
    expect(predicted / spread).toBeLessThan(1.1);
  });
});
