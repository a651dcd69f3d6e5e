/** How much of an image's variance lies at which spatial frequency, whatever the direction, as features. */
import { elements, InvalidArgumentError, InvalidShapeError } from '@srmcmc/core';
import type { FeatureExtractor } from './extractor.ts';
import { requireImagesOf } from './feature-set.ts';
import { FourierTransform } from './fourier.ts';

export interface PowerSpectrumOptions {
  /** Of the images: [height, width, channels]. */
  readonly shape: readonly number[];
}

export interface PowerSpectrum extends FeatureExtractor {
  /** Cycles per image side: 1, 2, ..., half the shorter side. One feature each. */
  readonly frequencies: readonly number[];
}

const MIDDLE_BYTE = 127.5;
/** Far below the power of one byte's rounding, 1/12 of a grey level squared: an image of one colour has a logarithm. */
const FLOOR = 1e-8;

/**
 * log₁₀ of the radially averaged power spectrum of images on the scale −1 to 1, [frequencies]: |DFT|² / (height ·
 * width), averaged over the channels and over the frequencies whose length rounds to the same number of cycles. The mean of the
 * image and the corners beyond half the sampling rate are left out; there is no window, so that edges leak into all
 * frequencies, of data and samples alike. It sees textures and noise, and no colours or places.
 *
 * @throws InvalidShapeError for anything but [height, width, channels] with sides of at least 2.
 */
export function powerSpectrumFeatures({ shape }: PowerSpectrumOptions): PowerSpectrum {
  if (shape.length !== 3 || Math.min(shape[0]!, shape[1]!) < 2 || elements(shape) < 1) {
    throw new InvalidShapeError('shape', ['>=2', '>=2', 'channels'], shape);
  }
  const [height, width, channels] = shape as [number, number, number];
  const rows = new FourierTransform(width);
  const columns = new FourierTransform(height);
  const re = new Float64Array(height * width);
  const im = new Float64Array(height * width);
  const side = Math.min(height, width);
  const frequencies = Array.from({ length: Math.floor(side / 2) }, (_, i) => i + 1);
  const rings = ringsOf(height, width, side);
  const sizes = new Float64Array(frequencies.length);
  for (const ring of rings) if (ring >= 0) sizes[ring]! += 1;
  return {
    frequencies,
    source: { name: `power spectrum ${height}×${width}×${channels}`, weights: null, resize: null },
    dimension: frequencies.length,
    features: async (images) => {
      const n = requireImagesOf(shape, images);
      const out = new Float64Array(n * frequencies.length);
      const size = elements(shape);
      for (let image = 0; image < n; image++) {
        const power = out.subarray(image * frequencies.length, (image + 1) * frequencies.length);
        for (let channel = 0; channel < channels; channel++) {
          for (let pixel = 0; pixel < re.length; pixel++) {
            re[pixel] = scaled(images.values[image * size + pixel * channels + channel]!);
          }
          im.fill(0);
          for (let y = 0; y < height; y++) rows.transform(re, im, y * width, 1);
          for (let x = 0; x < width; x++) columns.transform(re, im, x, width);
          for (let pixel = 0; pixel < re.length; pixel++) {
            const ring = rings[pixel]!;
            if (ring >= 0) power[ring]! += re[pixel]! ** 2 + im[pixel]! ** 2;
          }
        }
        for (let ring = 0; ring < power.length; ring++) {
          const mean = power[ring]! / (height * width * channels * sizes[ring]!);
          power[ring] = Math.log10(mean + FLOOR);
        }
      }
      return out;
    },
  };
}

function scaled(value: number): number {
  if (!(value >= 0 && value <= 2 * MIDDLE_BYTE)) {
    throw new InvalidArgumentError('images', `values must lie in 0 to 255, got ${value}`);
  }
  return value / MIDDLE_BYTE - 1;
}

/** For each coefficient the index of its frequency, or -1 where it is left out. */
function ringsOf(height: number, width: number, side: number): Int32Array {
  return Int32Array.from({ length: height * width }, (_, pixel) => {
    const fy = signed(Math.floor(pixel / width), height) / height;
    const fx = signed(pixel % width, width) / width;
    const frequency = Math.round(Math.hypot(fy, fx) * side);
    return frequency > Math.floor(side / 2) ? -1 : frequency - 1;
  });
}

/** Coefficient k of n is the frequency k, or k − n in the upper half. */
function signed(k: number, n: number): number {
  return k <= n / 2 ? k : k - n;
}
