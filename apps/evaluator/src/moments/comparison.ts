/** Samples against data, with data against other data beside it, so that a gap can be told from noise. */
import { momentCollector } from './example-moments.ts';
import {
  type Estimate,
  estimates,
  GroupedCollector,
  type GroupedSummary,
  pairEstimates,
} from './jackknife.ts';
import { distances, type NamedValue, powerSpectrum, statistics } from './statistics.ts';
import type { Summary } from './summary.ts';

export interface Gap {
  readonly value: number;
  readonly standardError: number;
  /** value / standardError: beyond about ±3, noise is no explanation. Null where the error is zero. */
  readonly z: number | null;
}

/** One statistic of the samples and of two disjoint sets of data. */
export interface Row {
  readonly name: string;
  readonly samples: Estimate;
  readonly data: Estimate;
  readonly otherData: Estimate;
  /** samples − data. */
  readonly gap: Gap;
  /** otherData − data: what a gap looks like when there is none. */
  readonly baseline: Gap;
}

export interface DistanceRow {
  readonly name: string;
  readonly samplesToData: Estimate;
  readonly dataToData: Estimate;
}

export interface SpectrumRow extends Row {
  /** Cycles per image side. */
  readonly frequency: number;
}

export interface Comparison {
  readonly counts: { readonly samples: number; readonly data: number; readonly otherData: number };
  readonly statistics: readonly Row[];
  readonly distances: readonly DistanceRow[];
  /** The radially averaged power spectrum; empty for points. */
  readonly powerSpectrum: readonly SpectrumRow[];
}

/** Examples of one shape, each read once and not kept. */
export type Examples = AsyncIterable<ArrayLike<number>>;

/** Compares three streams of examples of `shape`. Memory does not depend on how many there are. */
export async function compareMoments(
  shape: readonly number[],
  sets: { readonly samples: Examples; readonly data: Examples; readonly otherData: Examples },
): Promise<Comparison> {
  const collector = momentCollector(shape);
  const summaryOf = async (examples: Examples): Promise<GroupedSummary> => {
    const grouped = new GroupedCollector(collector);
    for await (const example of examples) grouped.add(example);
    return grouped.summary();
  };
  const data = await summaryOf(sets.data);
  const otherData = await summaryOf(sets.otherData);
  const samples = await summaryOf(sets.samples);

  const rows = (statistic: (summary: Summary) => NamedValue[]): Row[] => {
    const ofOther = estimates(otherData, statistic);
    const ofData = estimates(data, statistic);
    return estimates(samples, statistic).map((ofSamples, i) => ({
      name: ofSamples.name,
      samples: ofSamples,
      data: ofData[i]!,
      otherData: ofOther[i]!,
      gap: difference(ofSamples, ofData[i]!),
      baseline: difference(ofOther[i]!, ofData[i]!),
    }));
  };
  const dataToData = pairEstimates(otherData, data, distances);
  return {
    counts: { samples: samples.count, data: data.count, otherData: otherData.count },
    statistics: rows(statistics),
    distances: pairEstimates(samples, data, distances).map((samplesToData, i) => ({
      name: samplesToData.name,
      samplesToData,
      dataToData: dataToData[i]!,
    })),
    powerSpectrum: rows(powerSpectrum).map((row, i) => ({ frequency: collector.frequencies[i]!, ...row })),
  };
}

/** Of two independent estimates. */
function difference(a: Estimate, b: Estimate): Gap {
  const value = a.value - b.value;
  const standardError = Math.hypot(a.standardError, b.standardError);
  return { value, standardError, z: standardError === 0 ? null : value / standardError };
}
