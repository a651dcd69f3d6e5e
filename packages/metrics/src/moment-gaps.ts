/** Moments of samples less those of data, with error bars: zero is what moment matching aims at. */
import { requireInteger } from '@srmcmc/core';
import { TooFewExamplesError } from './errors.ts';
import { digestOf, type FeatureSet, requireSameSource } from './features/feature-set.ts';
import type { ComputedWith } from './measurement.ts';
import { requireLevel, resampling, spread } from './resampling.ts';

export interface MomentGapOptions {
  /** Resamplings that the errors are from. Default: 200. */
  readonly replicates?: number;
  /** Of the intervals. Default: 0.95. */
  readonly level?: number;
  readonly seed?: number;
}

export interface MomentGap {
  /** Of features i, or of i and j. */
  readonly moment: 'mean' | 'standard deviation' | 'correlation';
  readonly features: readonly number[];
  readonly samples: number;
  readonly data: number;
  /** samples − data. */
  readonly gap: number;
  readonly standardError: number;
  /** `level` of the resampled gaps lie between these. */
  readonly low: number;
  readonly high: number;
  /** gap / standardError: beyond about ±3, noise is no explanation. Null where the error is 0. */
  readonly z: number | null;
}

export interface MomentGaps {
  readonly gaps: readonly MomentGap[];
  readonly computedWith: ComputedWith;
}

/** Pairs of more features than this are too many to list. */
const MOST_CORRELATED = 16;

/**
 * E_q[h] − E_data[h] (Nijkamp et al. 2019, section 3) for the mean and the standard deviation of every feature and, of
 * at most 16 features, the correlation of every pair, with bootstrap errors of both sets (Efron 1979). The
 * correlation of a feature that does not vary is 0.
 *
 * @throws TooFewExamplesError for fewer than two examples; what features that differ throw.
 */
export function momentGaps(
  samples: FeatureSet,
  data: FeatureSet,
  options: MomentGapOptions = {},
): MomentGaps {
  const { replicates = 200, level = 0.95, seed = 0 } = options;
  requireInteger('replicates', replicates, 2);
  requireLevel(level);
  requireSameSource(samples, data);
  for (const [field, { count }] of Object.entries({ samples, data })) {
    if (count < 2) throw new TooFewExamplesError(field, 2, count, 'one has no standard deviation');
  }
  const names = momentNames(samples.dimension);
  const whole = [samples, data].map((set) => momentsOf(set, undefined)) as [number[], number[]];
  const resampled = names.map(() => new Array<number>());
  for (let replicate = 0; replicate < replicates; replicate++) {
    const [a, b] = [samples, data].map((set, number) =>
      momentsOf(set, resampling(seed, 2 * replicate + number, set.count)),
    ) as [number[], number[]];
    resampled.forEach((values, i) => values.push(a[i]! - b[i]!));
  }
  const gaps = names.map((name, i) => {
    const gap = whole[0][i]! - whole[1][i]!;
    const errors = spread(resampled[i]!, level);
    const z = errors.standardError === 0 ? null : gap / errors.standardError;
    return { ...name, samples: whole[0][i]!, data: whole[1][i]!, gap, ...errors, z };
  });
  return {
    gaps,
    computedWith: {
      features: { ...samples.source, dimension: samples.dimension },
      samples: samples.count,
      reference: { count: data.count, sha256: digestOf(data.values) },
      settings: { replicates, level, seed },
    },
  };
}

function momentNames(dimension: number): Pick<MomentGap, 'moment' | 'features'>[] {
  const each = Array.from({ length: dimension }, (_, i) => i);
  const pairs = dimension > MOST_CORRELATED ? [] : each.flatMap((i) => each.slice(i + 1).map((j) => [i, j]));
  return [
    ...each.map((i) => ({ moment: 'mean' as const, features: [i] })),
    ...each.map((i) => ({ moment: 'standard deviation' as const, features: [i] })),
    ...pairs.map((features) => ({ moment: 'correlation' as const, features })),
  ];
}

/** In the order of `momentNames`, of the rows with these numbers, or of all. */
function momentsOf({ values, count, dimension }: FeatureSet, rows: Uint32Array | undefined): number[] {
  const pairs = dimension > MOST_CORRELATED ? 0 : dimension;
  const mean = new Float64Array(dimension);
  const square = new Float64Array(dimension);
  const product = new Float64Array(pairs * pairs);
  const delta = new Float64Array(dimension);
  for (let i = 0; i < count; i++) {
    const first = (rows === undefined ? i : rows[i]!) * dimension;
    // Welford's recurrences, of which (x − old mean)(y − new mean) is the product.
    for (let j = 0; j < dimension; j++) {
      delta[j] = values[first + j]! - mean[j]!;
      mean[j]! += delta[j]! / (i + 1);
      square[j]! += delta[j]! * (values[first + j]! - mean[j]!);
    }
    for (let j = 0; j < pairs; j++) {
      for (let k = j + 1; k < pairs; k++)
        product[j * pairs + k]! += delta[j]! * (values[first + k]! - mean[k]!);
    }
  }
  const correlations: number[] = [];
  for (let j = 0; j < pairs; j++) {
    for (let k = j + 1; k < pairs; k++) {
      const scale = Math.sqrt(square[j]! * square[k]!);
      correlations.push(scale === 0 ? 0 : product[j * pairs + k]! / scale);
    }
  }
  return [...mean, ...square.map((sum) => Math.sqrt(sum / (count - 1))), ...correlations];
}
