/** How much of an image's variance lies at which spatial frequency, whatever the direction. */
import { FourierTransform } from './fourier.ts';

export type ImageShape = readonly [height: number, width: number, channels: number];

export interface RadialPowerSpectrum {
  /** Cycles per image side: 1, 2, ..., half the shorter side. */
  readonly frequencies: readonly number[];
  /** One number a frequency for an image [height, width, channels]; the array is used again by the next call. */
  of(image: ArrayLike<number>): Float64Array;
}

/**
 * The radially averaged power spectrum. The power at a frequency is |DFT|² / (height · width), averaged over the
 * channels and over the frequencies whose length rounds to it; the mean of the image and the corners beyond half the
 * sampling rate are left out. White noise of variance v has power v at every frequency. There is no window: the edges
 * of an image leak into all frequencies, of data and samples alike.
 */
export function radialPowerSpectrum([height, width, channels]: ImageShape): RadialPowerSpectrum {
  const rows = new FourierTransform(width);
  const columns = new FourierTransform(height);
  const re = new Float64Array(height * width);
  const im = new Float64Array(height * width);
  const side = Math.min(height, width);
  const frequencies = Array.from({ length: Math.floor(side / 2) }, (_, i) => i + 1);
  const rings = ringsOf(height, width, side);
  const ringSizes = new Float64Array(frequencies.length);
  for (const ring of rings) if (ring >= 0) ringSizes[ring]! += 1;
  const power = new Float64Array(frequencies.length);
  return {
    frequencies,
    of: (image) => {
      power.fill(0);
      for (let channel = 0; channel < channels; channel++) {
        for (let pixel = 0; pixel < re.length; pixel++) re[pixel] = image[pixel * channels + channel]!;
        im.fill(0);
        for (let y = 0; y < height; y++) rows.transform(re, im, y * width, 1);
        for (let x = 0; x < width; x++) columns.transform(re, im, x, width);
        for (let pixel = 0; pixel < re.length; pixel++) {
          const ring = rings[pixel]!;
          if (ring >= 0) power[ring]! += re[pixel]! ** 2 + im[pixel]! ** 2;
        }
      }
      for (let ring = 0; ring < power.length; ring++) {
        power[ring]! /= height * width * channels * ringSizes[ring]!;
      }
      return power;
    },
  };
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
