/** A number with all that it depends on, so that unlike numbers are never compared. */
import type { FeatureSource } from './features/feature-set.ts';
import { IncomparableError } from './errors.ts';

/** How a number was computed. Two numbers may be compared where all of it is equal. */
export interface ComputedWith {
  /** Absent where the measure reads pixels or points themselves. */
  readonly features?: FeatureSource & { readonly dimension: number };
  /** Number of examples that were measured. */
  readonly samples: number;
  /** What they were compared with; absent where a measure reads the samples alone. */
  readonly reference?: {
    readonly count: number;
    /** SHA-256 of the numbers of it that were used. */
    readonly sha256: string;
  };
  /** Splits, subset sizes, seeds, neighbours, ... */
  readonly settings: Readonly<Record<string, number | string | boolean>>;
}

export interface Interval {
  /** The probability that such an interval holds the truth, 0.95. */
  readonly level: number;
  readonly low: number;
  readonly high: number;
  readonly method: 'jackknife' | 'bootstrap';
  /** Measurements that it was made of: groups of the jackknife, replicates of the bootstrap. */
  readonly resamplings: number;
  /** Of the groups or the replicates. */
  readonly seed: number;
}

export interface Measurement {
  /** 'frechet-distance', 'inception-score', ... */
  readonly metric: string;
  readonly value: number;
  /** Spread of `value` over the splits or subsets that it is the mean of. */
  readonly deviation?: number;
  readonly standardError?: number;
  readonly interval?: Interval;
  readonly computedWith: ComputedWith;
  /** What a reader of the number must know, as sentences. */
  readonly warnings: readonly string[];
}

export interface Difference {
  readonly metric: string;
  /** a − b */
  readonly value: number;
  /** Absent unless both have one. */
  readonly standardError?: number;
  /** value / standardError: beyond about ±3, noise is no explanation. */
  readonly z?: number;
}

/**
 * a − b of two independent measurements, with the error that follows from theirs.
 *
 * @throws IncomparableError when they were computed in different ways: it lists every field that differs.
 */
export function difference(a: Measurement, b: Measurement): Difference {
  requireComparable([a, b]);
  const value = a.value - b.value;
  if (a.standardError === undefined || b.standardError === undefined) return { metric: a.metric, value };
  const standardError = Math.hypot(a.standardError, b.standardError);
  return { metric: a.metric, value, standardError, ...(standardError > 0 && { z: value / standardError }) };
}

/**
 * @param names What is measured, one name a measurement, for the error; default: the metrics'.
 * @throws IncomparableError unless all measurements may be put in one table.
 */
export function requireComparable(
  measurements: readonly Measurement[],
  names: readonly string[] = measurements.map(({ metric }) => metric),
): void {
  const [first, ...others] = measurements;
  others.forEach((other, i) => {
    const differences = [
      ...differing('metric', first!.metric, other.metric),
      ...differing('computedWith', first!.computedWith, other.computedWith),
    ];
    if (differences.length > 0) throw new IncomparableError(`${names[0]} and ${names[i + 1]}`, differences);
  });
}

function differing(path: string, a: unknown, b: unknown): string[] {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
    return Object.is(a, b) ? [] : [`${path}: ${String(a)}, ${String(b)}`];
  }
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return names.flatMap((name) =>
    differing(`${path}.${name}`, (a as Record<string, unknown>)[name], (b as Record<string, unknown>)[name]),
  );
}
