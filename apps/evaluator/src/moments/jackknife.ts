/**
 * Standard errors of any statistic of a set of examples, without keeping the examples: the examples are dealt out to
 * groups, and the statistic is computed without each group in turn (the delete-a-group jackknife; Efron 1982,
 * "The jackknife, the bootstrap and other resampling plans").
 */
import { type ExampleMoments, mergeMoments, type MomentCollector } from './example-moments.ts';
import type { NamedValue } from './statistics.ts';
import { type Summary, summarise } from './summary.ts';

/** A standard error from this many groups is itself known to about 1 / sqrt(2 · 31), 13 %. */
export const GROUPS = 32;

export interface Estimate extends NamedValue {
  readonly standardError: number;
}

/** What is known of a whole set, and of the set without each of its groups. */
export interface GroupedSummary {
  readonly count: number;
  readonly whole: Summary;
  readonly without: readonly Summary[];
}

/** Deals examples out to groups in turn. */
export class GroupedCollector {
  readonly #collector: MomentCollector;
  readonly #groups: ExampleMoments[] = [];
  #count = 0;

  constructor(collector: MomentCollector) {
    this.#collector = collector;
  }

  add(example: ArrayLike<number>): void {
    const group = this.#count % GROUPS;
    this.#groups[group] ??= this.#collector.empty();
    this.#collector.add(this.#groups[group], example);
    this.#count += 1;
  }

  /** The summary of what was added. Covariances without a group need three examples or more. */
  summary(): GroupedSummary {
    const summaryExcept = (left?: ExampleMoments): Summary => {
      const merged = this.#collector.empty();
      for (const group of this.#groups) if (group !== left) mergeMoments(merged, group);
      return summarise(merged);
    };
    return {
      count: this.#count,
      whole: summaryExcept(),
      without: this.#groups.map((group) => summaryExcept(group)),
    };
  }
}

/** Statistics of one set, each with its standard error. */
export function estimates(set: GroupedSummary, statistics: (summary: Summary) => NamedValue[]): Estimate[] {
  return withErrors(statistics(set.whole), jackknifeVariances(set.without.map(statistics)));
}

/** Statistics of two independent sets, such as distances: the variances due to either set add. */
export function pairEstimates(
  a: GroupedSummary,
  b: GroupedSummary,
  statistics: (a: Summary, b: Summary) => NamedValue[],
): Estimate[] {
  const fromA = jackknifeVariances(a.without.map((part) => statistics(part, b.whole)));
  const fromB = jackknifeVariances(b.without.map((part) => statistics(a.whole, part)));
  return withErrors(
    statistics(a.whole, b.whole),
    fromA.map((variance, i) => variance + fromB[i]!),
  );
}

function withErrors(values: readonly NamedValue[], variances: readonly number[]): Estimate[] {
  return values.map((named, i) => ({ ...named, standardError: Math.sqrt(variances[i]!) }));
}

/** For each statistic, (G − 1) / G times the squared deviations of its G replicates. */
function jackknifeVariances(replicates: readonly (readonly NamedValue[])[]): number[] {
  const groups = replicates.length;
  return replicates[0]!.map((_, i) => {
    const values = replicates.map((replicate) => replicate[i]!.value);
    const mean = values.reduce((sum, value) => sum + value, 0) / groups;
    const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    return ((groups - 1) / groups) * squares;
  });
}
