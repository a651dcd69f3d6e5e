/** Error bars of any measurement of sets of features, by measuring parts or resamplings of them. */
import { foldIn, InvalidArgumentError, key, normalQuantile, requireInteger, uniforms } from '@srmcmc/core';
import { TooFewExamplesError } from './errors.ts';
import { type FeatureSet, rowsOf } from './features/feature-set.ts';
import type { Interval, Measurement } from './measurement.ts';

/** A measurement of one or more sets. */
export type Measure<M extends Measurement> = (sets: readonly FeatureSet[]) => M | Promise<M>;

/** A measurement that has error bars. */
export type WithErrors<M extends Measurement> = M & {
  readonly standardError: number;
  readonly interval: Interval;
};

export interface JackknifeOptions {
  /** How many parts each set is cut into. Default: 20. */
  readonly groups?: number;
  /** Probability that the interval holds the truth. Default: 0.95. */
  readonly level?: number;
  /** Decides which example is in which group. */
  readonly seed?: number;
  /** Called after each measurement with the number done. */
  readonly onProgress?: (done: number) => void;
}

/**
 * Measures the sets whole and without each group in turn (the delete-a-group jackknife; Efron 1982, "The jackknife,
 * the bootstrap and other resampling plans"). Every set is random: the variances due to each add. The interval is
 * value ± normal quantile · error, about the biased value where the measure is biased. It suits smooth measures, such
 * as Fréchet distances and scores, and needs groups · sets + 1 measurements.
 *
 * @throws TooFewExamplesError for no sets, and for a set with fewer than two examples a group.
 */
export async function jackknife<M extends Measurement>(
  sets: readonly FeatureSet[],
  measure: Measure<M>,
  options: JackknifeOptions = {},
): Promise<WithErrors<M>> {
  const { groups = 20, level = 0.95, seed = 0, onProgress } = options;
  requireSets(sets);
  requireInteger('groups', groups, 2);
  requireLevel(level);
  for (const { count } of sets) {
    if (count < 2 * groups)
      throw new TooFewExamplesError('sets', 2 * groups, count, 'a group needs two: set groups');
  }
  const whole = await measure(sets);
  let done = 0;
  let variance = 0;
  for (const [number, set] of sets.entries()) {
    const draws = uniforms(foldIn(key(seed), number), 1, set.count);
    const order = Array.from(draws.keys()).sort((i, j) => draws[i]! - draws[j]!);
    const values: number[] = [];
    for (let group = 0; group < groups; group++) {
      const kept = rowsOf(
        set,
        order.filter((_, place) => place % groups !== group),
      );
      values.push((await measure(sets.map((other, i) => (i === number ? kept : other)))).value);
      onProgress?.(++done);
    }
    const mean = values.reduce((sum, value) => sum + value, 0) / groups;
    variance += ((groups - 1) / groups) * values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  }
  const standardError = Math.sqrt(variance);
  const reach = normalQuantile((1 + level) / 2) * standardError;
  const interval = {
    level,
    low: whole.value - reach,
    high: whole.value + reach,
    method: 'jackknife' as const,
    resamplings: groups * sets.length,
    seed,
  };
  return { ...whole, standardError, interval };
}

export interface BootstrapOptions {
  /** Default: 200. */
  readonly replicates?: number;
  /** Probability that the interval holds the truth. Default: 0.95. */
  readonly level?: number;
  readonly seed?: number;
  /**
   * `quantiles` (the default) of the replicates, or `normal`: value ± normal quantile · error, for measures that repeated
   * examples bias, such as Fréchet distances, all of whose replicates are too large.
   */
  readonly interval?: 'quantiles' | 'normal';
  /** Called after each measurement with the number done. */
  readonly onProgress?: (done: number) => void;
}

/**
 * Measures resamplings with replacement of every set (Efron 1979, "Bootstrap methods: another look at the jackknife").
 * Not for neighbours, which repeated examples make meaningless.
 *
 * @throws TooFewExamplesError for no sets.
 */
export async function bootstrap<M extends Measurement>(
  sets: readonly FeatureSet[],
  measure: Measure<M>,
  options: BootstrapOptions = {},
): Promise<WithErrors<M>> {
  const { replicates = 200, level = 0.95, seed = 0, interval = 'quantiles', onProgress } = options;
  requireSets(sets);
  requireInteger('replicates', replicates, 2);
  requireLevel(level);
  const whole = await measure(sets);
  const values: number[] = [];
  for (let replicate = 0; replicate < replicates; replicate++) {
    const resampled = sets.map((set, number) =>
      rowsOf(set, resampling(seed, number * replicates + replicate, set.count)),
    );
    values.push((await measure(resampled)).value);
    onProgress?.(replicate + 1);
  }
  const { standardError, ...quantiles } = spread(values, level);
  const reach = normalQuantile((1 + level) / 2) * standardError;
  const ends = interval === 'normal' ? { low: whole.value - reach, high: whole.value + reach } : quantiles;
  const about = { level, method: 'bootstrap', resamplings: replicates, seed } as const;
  return { ...whole, standardError, interval: { ...about, ...ends } };
}

function requireSets({ length }: readonly FeatureSet[]): void {
  if (length === 0)
    throw new TooFewExamplesError('sets', 1, 0, 'give the sets of features that are measured');
}

/** `count` row numbers drawn with replacement, the same for the same seed and number. */
export function resampling(seed: number, number: number, count: number): Uint32Array {
  return Uint32Array.from(uniforms(foldIn(key(seed), number), 1, count), (u) => Math.floor(u * count));
}

/** The standard deviation of replicates, and the quantiles that `level` of them lie between. */
export function spread(replicates: readonly number[], level: number) {
  const n = replicates.length;
  const mean = replicates.reduce((sum, value) => sum + value, 0) / n;
  const squares = replicates.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const sorted = Float64Array.from(replicates).sort();
  return {
    standardError: Math.sqrt(squares / (n - 1)),
    low: quantile(sorted, (1 - level) / 2),
    high: quantile(sorted, (1 + level) / 2),
  };
}

/** Of sorted values, with linear interpolation between them, as numpy's. */
function quantile(sorted: Float64Array, fraction: number): number {
  const place = fraction * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (place - below) * (sorted[above]! - sorted[below]!);
}

/** @throws InvalidArgumentError unless 0 < level < 1. */
export function requireLevel(level: number): void {
  if (!(level > 0 && level < 1)) throw new InvalidArgumentError('level', `must be in (0, 1), got ${level}`);
}
