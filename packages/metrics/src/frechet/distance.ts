/** The Fréchet distance between the Gaussians that have two sets' means and covariances: FID, on Inception's features. */
import { InvalidArgumentError, InvalidShapeError } from '@srmcmc/core';
import { digestOf, requireFinite, requireSameSource } from '../features/feature-set.ts';
import type { FeatureStatistics } from '../statistics/running.ts';
import { Workspace } from '../linear-algebra/workspace.ts';
import type { Measurement } from '../measurement.ts';

export interface FrechetDistance extends Measurement {
  readonly metric: 'frechet-distance';
  /** |μ₁ − μ₂|² */
  readonly meanTerm: number;
  /** tr(Σ₁ + Σ₂ − 2 (Σ₁ Σ₂)^½) */
  readonly covarianceTerm: number;
  /**
   * tr Σ₁ / n₁ + tr Σ₂ / n₂: by how much the mean term alone is too large on average because the sets are finite. The
   * covariance term's bias comes on top.
   */
  readonly meanBias: number;
}

export interface FrechetOptions {
  readonly signal?: AbortSignal;
}

/** Larger matrices are worked on in a thread of their own. */
const LARGEST_HERE = 192;

/**
 * |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₁ Σ₂)^½) (Dowson and Landau 1982; Heusel et al. 2017, "GANs trained by a two
 * time-scale update rule"), 0 for equal statistics and symmetric in its arguments, both to rounding errors.
 *
 * tr (Σ₁ Σ₂)^½, the sum of the roots of the eigenvalues of Σ₁^½ Σ₂ Σ₁^½, is computed as the sum of the singular values
 * of F₁ F₂ᵀ, where Σ = Fᵀ F by Cholesky's method with complete pivoting. No root of a product is formed, so that
 * nothing special happens where covariances are singular, and no number is added to their diagonals.
 *
 * @throws IncomparableError for features of different extractors, InvalidArgumentError for matrices that are no
 * covariances, NonFiniteFeaturesError, the signal's reason when it is aborted.
 */
export async function frechetDistance(
  samples: FeatureStatistics,
  reference: FeatureStatistics,
  options: FrechetOptions = {},
): Promise<FrechetDistance> {
  requireStatistics('samples', samples);
  requireStatistics('reference', reference);
  requireSameSource(samples, reference);
  const { dimension, source } = samples;
  let meanTerm = 0;
  for (let i = 0; i < dimension; i++) meanTerm += (samples.mean[i]! - reference.mean[i]!) ** 2;
  const traces = [samples, reference].map(({ covariance }) => trace(covariance, dimension));
  const root = await traceOfRoot(samples.covariance, reference.covariance, dimension, options.signal);
  const covarianceTerm = traces[0]! + traces[1]! - 2 * root;
  const meanBias = traces[0]! / samples.count + traces[1]! / reference.count;
  return {
    metric: 'frechet-distance',
    // Equal statistics differ from 0 by rounding errors of either sign.
    value: Math.max(0, meanTerm + covarianceTerm),
    meanTerm,
    covarianceTerm,
    meanBias,
    computedWith: {
      features: { ...source, dimension },
      samples: samples.count,
      reference: { count: reference.count, sha256: digestOf(reference.mean, reference.covariance) },
      settings: {},
    },
    warnings: warnings({ samples, reference }),
  };
}

/** tr (Σ₁ Σ₂)^½ of covariances [n, n]. */
async function traceOfRoot(
  first: Float64Array,
  second: Float64Array,
  n: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  // Of order 1, so that no product overflows or vanishes.
  const scales = [first, second].map((matrix) => largestDiagonal(matrix, n));
  if (scales.includes(0)) return 0;
  const scratch = new Workspace(1).kernels.scratchSize(n);
  const workspace = new Workspace(3 * n ** 2 + scratch + 4);
  const [a, b, third] = [workspace.take(n ** 2), workspace.take(n ** 2), workspace.take(n ** 2)];
  const [rest, out] = [workspace.take(scratch), workspace.take(4)];
  for (let i = 0; i < n ** 2; i++) {
    a.values[i] = first[i]! / scales[0]!;
    b.values[i] = second[i]! / scales[1]!;
  }
  const args = [n, a.place, b.place, third.place, rest.place, out.place] as const;
  let root: number;
  if (n <= LARGEST_HERE) root = workspace.kernels.traceOfRoot(...args);
  else {
    root = await workspace.callAside('traceOfRoot', [...args], signal).finally(() => workspace.close());
  }
  const isIndefinite = { samples: out.values[2] === 1, reference: out.values[3] === 1 };
  for (const [field, isSo] of Object.entries(isIndefinite)) {
    if (!isSo) continue;
    throw new InvalidArgumentError(
      `${field}.covariance`,
      'has a negative eigenvalue, so it is no covariance',
    );
  }
  if (Number.isNaN(root)) {
    throw new InvalidArgumentError('covariance', 'its singular values did not converge: it is damaged');
  }
  return root * Math.sqrt(scales[0]!) * Math.sqrt(scales[1]!);
}

function requireStatistics(field: string, { mean, covariance, dimension, count }: FeatureStatistics): void {
  if (mean.length !== dimension) throw new InvalidShapeError(`${field}.mean`, [dimension], [mean.length]);
  if (covariance.length !== dimension ** 2) {
    throw new InvalidShapeError(`${field}.covariance`, [dimension, dimension], [covariance.length]);
  }
  if (!(count >= 1)) throw new InvalidArgumentError(`${field}.count`, `must be at least 1, got ${count}`);
  requireFinite(mean, dimension);
  requireFinite(covariance, dimension);
  for (let i = 0; i < dimension; i++) {
    if (covariance[i * dimension + i]! < 0) {
      throw new InvalidArgumentError(`${field}.covariance`, `the variance of feature ${i} is negative`);
    }
  }
}

function warnings(sets: {
  readonly samples: FeatureStatistics;
  readonly reference: FeatureStatistics;
}): string[] {
  const entries = Object.entries(sets);
  const few = entries.filter(([, { count, dimension }]) => count <= dimension);
  const constant = entries.filter(([, { covariance, dimension }]) => trace(covariance, dimension) === 0);
  const sentences = constant.map(([field]) => `${field}: all examples have the same features`);
  if (few.length === 0) return sentences;
  const [fields, counts] = [few.map(([field]) => field), few.map(([, { count }]) => count)].map((words) =>
    words.join(' and '),
  );
  const tooFew =
    `${fields}: ${counts} examples for ${sets.samples.dimension} features make a singular covariance and a distance ` +
    'that is too large: compare it at equal counts only';
  return [tooFew, ...sentences];
}

function trace(matrix: Float64Array, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += matrix[i * n + i]!;
  return sum;
}

function largestDiagonal(matrix: Float64Array, n: number): number {
  let largest = 0;
  for (let i = 0; i < n; i++) largest = Math.max(largest, matrix[i * n + i]!);
  return largest;
}
