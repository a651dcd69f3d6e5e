/** How much a reconstruction differs from its original: MSE, PSNR and SSIM. */
import { elements, InvalidArgumentError, InvalidShapeError } from '@srmcmc/core';
import { TooFewExamplesError } from '../errors.ts';
import { digestOf, requireFinite } from '../features/feature-set.ts';
import type { Measurement } from '../measurement.ts';

type Pixels = Uint8Array | Float32Array | Float64Array;

/** Images [n, height, width, channels], one after another. */
export interface Images {
  readonly values: Pixels;
  readonly shape: readonly number[];
}

export interface QualityOptions {
  /** Largest value less smallest that pixels can have. Default: 255 for bytes, 2 for floats (from −1 to 1). */
  readonly range?: number;
}

export interface ReconstructionQuality {
  /** Mean squared differences per value, on the scale that the values have. */
  readonly meanSquaredError: Quality;
  /** In decibels; Infinity for equal images. */
  readonly peakSignalToNoiseRatio: Quality;
  /** In [−1, 1]; 1 for equal images. Absent for images with a side below 11 pixels. */
  readonly structuralSimilarity?: Quality;
}

/** The mean over the images. */
export interface Quality extends Measurement {
  /** Of that mean; absent for one image, and where an image's quality is infinite. */
  readonly standardError?: number;
  /** One number an image. */
  readonly each: Float64Array;
}

/**
 * Compares images with their reconstructions.
 *
 * @throws InvalidShapeError for images of other shapes than their originals, TooFewExamplesError for none,
 * NonFiniteFeaturesError for a pixel that is NaN or infinite, InvalidArgumentError for a range that is not positive.
 */
export function reconstructionQuality(
  originals: Images,
  reconstructions: Images,
  options: QualityOptions = {},
): ReconstructionQuality {
  const [count = 0, ...shape] = originals.shape;
  if (shape.length !== 3 || originals.values.length !== elements(originals.shape)) {
    throw new InvalidShapeError('originals', ['n', 'height', 'width', 'channels'], originals.shape);
  }
  if (
    originals.shape.join() !== reconstructions.shape.join() ||
    reconstructions.values.length !== originals.values.length
  ) {
    throw new InvalidShapeError('reconstructions', originals.shape, reconstructions.shape);
  }
  if (count === 0) throw new TooFewExamplesError('originals', 1, 0, 'the set is empty');
  const size = elements(shape);
  requireFinite(originals.values, size);
  requireFinite(reconstructions.values, size);
  const range = rangeOf(originals.values, options);
  const computedWith = {
    samples: count,
    reference: { count, sha256: digestOf(originals.values) },
    settings: { range, shape: shape.join('×') },
  };
  const compare = (metric: string, of: (a: Pixels, b: Pixels) => number): Quality => {
    const each = Float64Array.from({ length: count }, (_, i) => {
      const [first, end] = [i * size, (i + 1) * size];
      return of(originals.values.subarray(first, end), reconstructions.values.subarray(first, end));
    });
    const value = each.reduce((sum, one) => sum + one, 0) / count;
    const variance = each.reduce((sum, one) => sum + (one - value) ** 2, 0) / (count - 1);
    const standardError = Math.sqrt(variance / count);
    return {
      metric,
      value,
      ...(Number.isFinite(standardError) && { standardError }),
      each,
      computedWith,
      warnings: [],
    };
  };
  const [height, width] = shape as [number, number, number];
  return {
    meanSquaredError: compare('mean-squared-error', meanSquaredError),
    peakSignalToNoiseRatio: compare('peak-signal-to-noise-ratio', (a, b) =>
      peakSignalToNoiseRatio(a, b, { range }),
    ),
    ...(Math.min(height, width) >= WINDOW && {
      structuralSimilarity: compare('structural-similarity', (a, b) =>
        structuralSimilarity(a, b, shape, { range }),
      ),
    }),
  };
}

/** The mean of (a − b)². @throws InvalidShapeError for images of different sizes. */
export function meanSquaredError(a: Pixels, b: Pixels): number {
  if (a.length !== b.length) throw new InvalidShapeError('b', [a.length], [b.length]);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return sum / a.length;
}

/** 10 log₁₀(range² / MSE), in decibels. @throws what `meanSquaredError` throws; InvalidArgumentError. */
export function peakSignalToNoiseRatio(a: Pixels, b: Pixels, options: QualityOptions = {}): number {
  return 10 * Math.log10(rangeOf(a, options) ** 2 / meanSquaredError(a, b));
}

/** Pixels a side; σ = 1.5 of them. */
const WINDOW = 11;
const SIGMA = 1.5;
const K1 = 0.01;
const K2 = 0.03;

/**
 * The structural similarity index of Wang et al. 2004 ("Image quality assessment: from error visibility to structural
 * similarity"): a Gaussian window of 11 pixels with σ = 1.5, the mean over the places where all of it lies within the
 * image and over the channels, each on its own. That is scikit-image's structural_similarity with gaussian_weights,
 * sigma 1.5 and use_sample_covariance off.
 *
 * @throws InvalidShapeError for images [height, width, channels] of another shape, or with a side below 11 pixels.
 */
export function structuralSimilarity(
  a: Pixels,
  b: Pixels,
  shape: readonly number[],
  options: QualityOptions = {},
): number {
  const [height = 0, width = 0, channels = 0] = shape;
  for (const [field, values] of Object.entries({ a, b })) {
    if (values.length !== elements(shape)) throw new InvalidShapeError(field, shape, [values.length]);
  }
  if (shape.length !== 3 || Math.min(height, width) < WINDOW) {
    throw new InvalidShapeError(
      'shape',
      [`>=${WINDOW}`, `>=${WINDOW}`, 'channels'],
      shape,
      'the window is 11 by 11',
    );
  }
  const range = rangeOf(a, options);
  const [c1, c2] = [(K1 * range) ** 2, (K2 * range) ** 2];
  let sum = 0;
  for (let channel = 0; channel < channels; channel++) {
    const local = (value: (i: number) => number): Float64Array => {
      const plane = Float64Array.from({ length: height * width }, (_, i) => value(i * channels + channel));
      return windowed(plane, height, width);
    };
    const meanA = local((i) => a[i]!);
    const meanB = local((i) => b[i]!);
    const squareA = local((i) => a[i]! ** 2);
    const squareB = local((i) => b[i]! ** 2);
    const product = local((i) => a[i]! * b[i]!);
    for (let i = 0; i < meanA.length; i++) {
      const [x, y] = [meanA[i]!, meanB[i]!];
      const variances = squareA[i]! - x * x + (squareB[i]! - y * y);
      const covariance = product[i]! - x * y;
      sum +=
        ((2 * x * y + c1) * (2 * covariance + c2)) / ((x * x + y * y + c1) * (variances + c2)) / meanA.length;
    }
  }
  return sum / channels;
}

const WEIGHTS = gaussianWeights();

function gaussianWeights(): number[] {
  const weights = Array.from({ length: WINDOW }, (_, i) =>
    Math.exp(-0.5 * ((i - (WINDOW - 1) / 2) / SIGMA) ** 2),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** Weighted means over the window: [height − 10, width − 10]. */
function windowed(plane: Float64Array, height: number, width: number): Float64Array {
  const columns = width - WINDOW + 1;
  const rows = height - WINDOW + 1;
  const across = new Float64Array(height * columns);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < columns; x++) {
      for (let t = 0; t < WINDOW; t++) across[y * columns + x]! += WEIGHTS[t]! * plane[y * width + x + t]!;
    }
  }
  const out = new Float64Array(rows * columns);
  for (let y = 0; y < rows; y++) {
    for (let t = 0; t < WINDOW; t++) {
      for (let x = 0; x < columns; x++) out[y * columns + x]! += WEIGHTS[t]! * across[(y + t) * columns + x]!;
    }
  }
  return out;
}

function rangeOf(values: Pixels, { range = values instanceof Uint8Array ? 255 : 2 }: QualityOptions): number {
  if (!(range > 0)) throw new InvalidArgumentError('range', `must be positive, got ${range}`);
  return range;
}
