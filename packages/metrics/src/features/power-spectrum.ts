/** How much of an image's variance lies at which spatial frequency, whatever the direction, as features. */
import { elements, InvalidArgumentError, InvalidShapeError } from '@srmcmc/core';
import type { FeatureExtractor } from './extractor.ts';
import { requireImagesOf, UNNAMED } from './feature-set.ts';
import { radialPowerSpectrum } from './radial-power-spectrum.ts';

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
  const spectrum = radialPowerSpectrum([height, width, channels]);
  const { frequencies } = spectrum;
  const scaledImage = new Float64Array(elements(shape));
  return {
    frequencies,
    source: { ...UNNAMED, name: `power spectrum ${height}×${width}×${channels}` },
    dimension: frequencies.length,
    features: async (images) => {
      const n = requireImagesOf(shape, images);
      const out = new Float64Array(n * frequencies.length);
      const size = elements(shape);
      for (let image = 0; image < n; image++) {
        for (let i = 0; i < size; i++) scaledImage[i] = scaled(images.values[image * size + i]!);
        const logPower = spectrum.of(scaledImage).map((power) => Math.log10(power + FLOOR));
        out.set(logPower, image * frequencies.length);
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
