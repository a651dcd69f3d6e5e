/** How much of the samples lies where data are, and how much of the data is covered by samples. */
import { requireInteger } from '@srmcmc/core';
import { ConstantFeaturesError } from '../errors.ts';
import { digestOf, type FeatureSet, requireSameSource } from '../features/feature-set.ts';
import { type DistanceOptions, visitDistances } from '../linear-algebra/distances.ts';
import type { Measurement } from '../measurement.ts';
import { kthNeighbourDistances } from './nearest.ts';

export interface PrecisionRecallOptions extends DistanceOptions {
  /** Which neighbour's distance is an example's radius. Default: 5, as in prdc; torch-fidelity and the first paper: 3. */
  readonly neighbours?: number;
}

export interface PrecisionRecall {
  /** Fraction of samples within the radius of an example of the data (Kynkäänniemi et al. 2019). */
  readonly precision: Measurement;
  /** Fraction of the data within the radius of a sample. */
  readonly recall: Measurement;
  /** Mean number of data whose radius a sample is within, divided by k (Naeem et al. 2020). May exceed 1. */
  readonly density: Measurement;
  /** Fraction of the data that has a sample within its radius. */
  readonly coverage: Measurement;
}

/** A neighbour's distance says how far apart things are only where there are many more things than neighbours. */
const FEW_EXAMPLES = 100;

/**
 * Precision and recall (Kynkäänniemi et al. 2019, "Improved precision and recall metric for assessing generative
 * models"), density and coverage (Naeem et al. 2020, "Reliable fidelity and diversity metrics for generative
 * models"). An example's radius is the distance to its k-th nearest other one; "within" is less than, as in prdc.
 * All four depend on the counts: compare them at equal ones.
 *
 * @throws TooFewExamplesError for k examples or fewer; ConstantFeaturesError where every radius is 0, so that nothing
 * can lie within; what features that differ throw; the signal's reason when it is aborted.
 */
export async function precisionRecall(
  samples: FeatureSet,
  reference: FeatureSet,
  options: PrecisionRecallOptions = {},
): Promise<PrecisionRecall> {
  const { neighbours = 5, onProgress, signal } = options;
  requireInteger('neighbours', neighbours, 1);
  requireSameSource(samples, reference);
  // A pass over pairs of data, one over pairs of samples, and one over all pairs of the two, which takes twice as long.
  const part = (before: number, share: number): DistanceOptions => ({
    onProgress: (fraction) => onProgress?.(before + share * fraction),
    ...(signal && { signal }),
  });
  const referenceRadii = await kthNeighbourDistances(reference, neighbours, part(0, 0.25));
  const sampleRadii = await kthNeighbourDistances(samples, neighbours, part(0.25, 0.25));
  requireRadii('reference', referenceRadii);
  requireRadii('samples', sampleRadii);

  const containing = new Float64Array(samples.count);
  const recalled = new Uint8Array(reference.count);
  const covered = new Uint8Array(reference.count);
  await visitDistances(
    reference,
    samples,
    ({ firstX, firstY, rows, columns, squares }) => {
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          const distance = Math.sqrt(squares[i * columns + j]!);
          if (distance < referenceRadii[firstX + i]!) {
            containing[firstY + j]! += 1;
            covered[firstX + i] = 1;
          }
          if (distance < sampleRadii[firstY + j]!) recalled[firstX + i] = 1;
        }
      }
    },
    part(0.5, 0.5),
  );

  const smallest = Math.min(samples.count, reference.count);
  const computedWith = {
    features: { ...samples.source, dimension: samples.dimension },
    samples: samples.count,
    reference: { count: reference.count, sha256: digestOf(reference.values) },
    settings: { neighbours },
  };
  const warnings =
    smallest < FEW_EXAMPLES ? [`radii from ${smallest} examples are large: all four say little`] : [];
  const measurement = (metric: string, value: number): Measurement => ({
    metric,
    value,
    computedWith,
    warnings,
  });
  return {
    precision: measurement('precision', mean(containing.map((count) => (count > 0 ? 1 : 0)))),
    recall: measurement('recall', mean(recalled)),
    density: measurement('density', mean(containing) / neighbours),
    coverage: measurement('coverage', mean(covered)),
  };
}

function requireRadii(field: string, radii: Float64Array): void {
  if (radii.every((radius) => radius === 0)) {
    throw new ConstantFeaturesError(
      field,
      'every example has as many exact copies as neighbours were asked for',
    );
  }
}

function mean(values: Float64Array | Uint8Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}
