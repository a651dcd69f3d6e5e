/** A density from samples: a Gaussian on each. */
import { InvalidArgumentError, InvalidShapeError, requireInteger } from '@srmcmc/core';
import { ConstantFeaturesError, TooFewExamplesError } from '../errors.ts';
import { requireFinite } from '../features/feature-set.ts';

export interface KernelDensityOptions {
  /** 1 or 2. */
  readonly dimension: number;
  /**
   * Width of the kernel relative to the samples' spread: Scott's n^(−1/(d+4)) (the default) or Silverman's rule, or a
   * number, all as in scipy.stats.gaussian_kde.
   */
  readonly bandwidth?: 'scott' | 'silverman' | number;
}

export interface KernelDensity {
  readonly dimension: number;
  /** What the samples' standard deviation is multiplied by. */
  readonly factor: number;
  /** The densities at points [m, dimension]. */
  at(points: ArrayLike<number>): Float64Array;
}

/**
 * The mean of Gaussians about the samples [n, dimension], with the samples' covariance times factor² (Scott 1992,
 * "Multivariate density estimation").
 *
 * @throws TooFewExamplesError for no more samples than dimensions; ConstantFeaturesError for samples on one point or
 * line; NonFiniteFeaturesError; InvalidShapeError; InvalidArgumentError.
 */
export function kernelDensity(
  samples: Float32Array | Float64Array,
  options: KernelDensityOptions,
): KernelDensity {
  const { dimension, bandwidth = 'scott' } = options;
  requireInteger('dimension', dimension, 1);
  if (dimension > 2) throw new InvalidArgumentError('dimension', `must be 1 or 2, got ${dimension}`);
  if (samples.length % dimension !== 0)
    throw new InvalidShapeError('samples', ['n', dimension], [samples.length]);
  requireFinite(samples, dimension);
  const n = samples.length / dimension;
  if (n <= dimension) throw new TooFewExamplesError('samples', dimension + 1, n, 'fewer have no covariance');
  const factor = factorOf(bandwidth, n, dimension);
  const [xx, xy, yy] = covarianceOf(samples, dimension, n);
  // Σ = L Lᵀ; z = L⁻¹ x / factor has unit kernels.
  const l00 = Math.sqrt(xx);
  const l10 = dimension === 1 ? 0 : xy / l00;
  const l11 = dimension === 1 ? 1 : Math.sqrt(yy - l10 ** 2);
  if (!(l00 > 0 && l11 > SMALLEST_PART * Math.sqrt(yy))) {
    throw new ConstantFeaturesError('samples', 'they lie on one point or line, so that they have no density');
  }
  const white = (points: ArrayLike<number>): Float64Array => {
    const out = new Float64Array(points.length);
    for (let i = 0; i < points.length; i += dimension) {
      out[i] = points[i]! / (l00 * factor);
      if (dimension === 2) out[i + 1] = (points[i + 1]! - l10 * (points[i]! / l00)) / (l11 * factor);
    }
    return out;
  };
  const centres = white(samples);
  const peak = 1 / (n * (2 * Math.PI) ** (dimension / 2) * factor ** dimension * l00 * l11);
  return {
    dimension,
    factor,
    at: (points) => {
      if (points.length % dimension !== 0)
        throw new InvalidShapeError('points', ['m', dimension], [points.length]);
      const places = white(points);
      return Float64Array.from({ length: points.length / dimension }, (_, i) => {
        let sum = 0;
        for (let j = 0; j < centres.length; j += dimension) {
          let square = (places[i * dimension]! - centres[j]!) ** 2;
          if (dimension === 2) square += (places[i * 2 + 1]! - centres[j + 1]!) ** 2;
          sum += Math.exp(-square / 2);
        }
        return sum * peak;
      });
    },
  };
}

/** Of the spread in a direction, what is rounding errors. */
const SMALLEST_PART = 1e-7;

function factorOf(bandwidth: NonNullable<KernelDensityOptions['bandwidth']>, n: number, d: number): number {
  if (bandwidth === 'scott') return n ** (-1 / (d + 4));
  if (bandwidth === 'silverman') return ((n * (d + 2)) / 4) ** (-1 / (d + 4));
  if (!(bandwidth > 0 && bandwidth < Infinity)) {
    throw new InvalidArgumentError('bandwidth', `must be positive, got ${bandwidth}`);
  }
  return bandwidth;
}

/** [xx, xy, yy], divided by n − 1; yy is 1 in one dimension. */
function covarianceOf(samples: ArrayLike<number>, d: number, n: number): [number, number, number] {
  const mean = [0, 0];
  for (let i = 0; i < samples.length; i++) mean[i % d]! += samples[i]! / n;
  let [xx, xy, yy] = [0, 0, 0];
  for (let i = 0; i < samples.length; i += d) {
    const x = samples[i]! - mean[0]!;
    xx += (x * x) / (n - 1);
    if (d === 1) continue;
    const y = samples[i + 1]! - mean[1]!;
    xy += (x * y) / (n - 1);
    yy += (y * y) / (n - 1);
  }
  return [xx, xy, d === 1 ? 1 : yy];
}
