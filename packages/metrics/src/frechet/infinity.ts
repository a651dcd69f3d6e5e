/** The Fréchet distance of infinitely many samples, extrapolated from fewer. */
import { InvalidArgumentError, key, foldIn, permutation, requireInteger } from '@srmcmc/core';
import { TooFewExamplesError } from '../errors.ts';
import { type FeatureSet, rowsOf } from '../features/feature-set.ts';
import type { Measurement } from '../measurement.ts';
import { type FeatureStatistics, statisticsOf } from '../statistics/running.ts';
import { frechetDistance } from './distance.ts';

export interface FrechetInfinityOptions {
  /** How many subset sizes the line is fitted to. Default: 15, as in the paper. */
  readonly points?: number;
  /** The smallest subset. Default: 5,000, or half of the samples where that is less. */
  readonly smallest?: number;
  /** Decides the subsets. */
  readonly seed?: number;
  /** Called after each distance with the number done. */
  readonly onProgress?: (done: number) => void;
  readonly signal?: AbortSignal;
}

export interface FrechetInfinity extends Measurement {
  readonly metric: 'frechet-distance-infinity';
  /** Of the intercept, from the residuals of the fit. The points share samples: it is a lower bound. */
  readonly standardError: number;
  /** The distance grows by slope / n. */
  readonly slope: number;
  /** What the line was fitted to. */
  readonly points: readonly { readonly count: number; readonly distance: number }[];
}

/**
 * FID∞ (Chong and Forsyth 2020, "Effectively unbiased FID and Inception Score and where to find them"): distances of
 * random subsets of the samples, of sizes between `smallest` and all, are fitted by a line in 1/n, whose value at 0 is
 * returned. The bias due to a finite reference stays.
 *
 * @throws TooFewExamplesError for samples that do not have that many sizes; what `frechetDistance` throws.
 */
export async function frechetDistanceInfinity(
  samples: FeatureSet,
  reference: FeatureStatistics,
  options: FrechetInfinityOptions = {},
): Promise<FrechetInfinity> {
  const { points = 15, seed = 0, onProgress, signal } = options;
  const smallest = options.smallest ?? Math.min(5000, Math.floor(samples.count / 2));
  requireInteger('points', points, 3);
  requireInteger('smallest', smallest, 2);
  if (samples.count < smallest + points) {
    throw new TooFewExamplesError(
      'samples',
      smallest + points,
      samples.count,
      'the subsets must differ in size',
    );
  }
  const distances: { count: number; distance: number }[] = [];
  let full;
  for (let i = 0; i < points; i++) {
    const count = Math.floor(smallest + ((samples.count - smallest) * i) / (points - 1));
    const rows = permutation(foldIn(key(seed), i), samples.count).subarray(0, count);
    full = await frechetDistance(statisticsOf(rowsOf(samples, rows)), reference, signal && { signal });
    distances.push({ count, distance: full.value });
    onProgress?.(distances.length);
  }
  const line = fit(distances);
  return {
    metric: 'frechet-distance-infinity',
    value: line.intercept,
    standardError: line.standardError,
    slope: line.slope,
    points: distances,
    computedWith: { ...full!.computedWith, settings: { points, smallest, seed } },
    warnings:
      reference.count <= reference.dimension
        ? [
            `reference: ${reference.count} examples for ${reference.dimension} features: the bias that this causes is not ` +
              'extrapolated away',
          ]
        : [],
  };
}

/** Least squares of the distances on 1/count. */
function fit(points: readonly { readonly count: number; readonly distance: number }[]) {
  const n = points.length;
  const xs = points.map(({ count }) => 1 / count);
  const ys = points.map(({ distance }) => distance);
  const meanX = xs.reduce((sum, x) => sum + x, 0) / n;
  const meanY = ys.reduce((sum, y) => sum + y, 0) / n;
  const spread = xs.reduce((sum, x) => sum + (x - meanX) ** 2, 0);
  if (spread === 0) throw new InvalidArgumentError('smallest', 'all subsets have the same size');
  const slope = xs.reduce((sum, x, i) => sum + (x - meanX) * (ys[i]! - meanY), 0) / spread;
  const intercept = meanY - slope * meanX;
  const residuals = xs.reduce((sum, x, i) => sum + (ys[i]! - intercept - slope * x) ** 2, 0);
  const standardError = Math.sqrt((residuals / (n - 2)) * (1 / n + meanX ** 2 / spread));
  return { slope, intercept, standardError };
}
