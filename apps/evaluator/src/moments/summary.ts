/** Means, covariances and eigenvalues of a set of examples, from the moments that were collected of it. */
import { symmetricEigenvalues } from './eigenvalues.ts';
import type { ExampleMoments } from './example-moments.ts';

export interface ImageSummary {
  /** [height · width · channels]. */
  readonly mean: Float64Array;
  /** Radially averaged, one number a frequency. */
  readonly power: Float64Array;
  /** The fraction of values outside [-1, 1]. */
  readonly outside: number;
}

export interface Summary {
  /** Of the colours of all pixels [channels], or of points [dimension]. */
  readonly mean: Float64Array;
  /** Of the same, row-major. */
  readonly covariance: Float64Array;
  /** Of images averaged down to 4×4 cells, row-major; of points, their covariance again. */
  readonly coarseCovariance: Float64Array;
  /** Of `coarseCovariance`, largest first. */
  readonly eigenvalues: Float64Array;
  /** Absent for points. */
  readonly images?: ImageSummary;
}

export function summarise({ values, images }: ExampleMoments): Summary {
  const covariance = values.covariance();
  const spread = images?.coarse ?? values;
  const coarseCovariance = spread.covariance();
  return {
    mean: values.mean,
    covariance,
    coarseCovariance,
    eigenvalues: symmetricEigenvalues(coarseCovariance, spread.mean.length),
    ...(images && {
      images: { mean: images.image.mean, power: images.power.mean, outside: images.outside.mean[0]! },
    }),
  };
}
