import { key, normals } from '@srmcmc/core';
import { describe, expect, it } from 'vitest';
import { FourierTransform } from '../src/features/fourier.ts';
import { radialPowerSpectrum } from '../src/index.ts';

describe('FourierTransform', () => {
  it.each([1, 7, 12, 28, 32])('equals the defining sum at length %i, in place and strided', (n) => {
    const stride = 3;
    const re = Float64Array.from(normals(key(2), 1, n * stride));
    const im = Float64Array.from(normals(key(3), 1, n * stride));
    const [re0, im0] = [re.slice(), im.slice()];
    new FourierTransform(n).transform(re, im, 1, stride);
    for (let k = 0; k < n; k++) {
      let [sumRe, sumIm] = [0, 0];
      for (let j = 0; j < n; j++) {
        const [cos, sin] = [Math.cos((-2 * Math.PI * j * k) / n), Math.sin((-2 * Math.PI * j * k) / n)];
        sumRe += re0[1 + j * stride]! * cos - im0[1 + j * stride]! * sin;
        sumIm += re0[1 + j * stride]! * sin + im0[1 + j * stride]! * cos;
      }
      expect(re[1 + k * stride]).toBeCloseTo(sumRe, 10);
      expect(im[1 + k * stride]).toBeCloseTo(sumIm, 10);
    }
    expect(re[0]).toBe(re0[0]);
  });
});

describe('radialPowerSpectrum', () => {
  it('puts a plane wave of amplitude a at its frequency alone, with power a² · pixels / 2 over the ring', () => {
    const side = 32;
    const frequency = 5;
    const image = Float64Array.from(
      { length: side * side },
      (_, i) => 0.7 + 0.3 * Math.cos((2 * Math.PI * frequency * (i % side)) / side),
    );
    const power = radialPowerSpectrum([side, side, 1]).of(image);
    let ring = 0;
    for (let fy = -15; fy <= 16; fy++) {
      for (let fx = -15; fx <= 16; fx++) if (Math.round(Math.hypot(fx, fy)) === frequency) ring += 1;
    }
    power.forEach((value, i) => {
      const expected = i + 1 === frequency ? (0.3 ** 2 * side * side) / 2 / ring : 0;
      expect(value).toBeCloseTo(expected, 10);
    });
  });

  it('is flat at the variance for white noise', () => {
    const spectrum = radialPowerSpectrum([16, 16, 3]);
    const mean = new Float64Array(spectrum.frequencies.length);
    const images = 400;
    const noise = normals(key(4), images, 16 * 16 * 3);
    for (let i = 0; i < images; i++) {
      const power = spectrum.of(noise.subarray(i * 768, (i + 1) * 768));
      power.forEach((value, k) => (mean[k]! += (0.25 * value) / images));
    }
    // The ring of frequency 1 has 8 coefficients, 4 of them free: a standard error of 0.25 / sqrt(4 · 3 · 400).
    for (const value of mean) expect(Math.abs(value - 0.25)).toBeLessThan(5 * 0.0036);
  });
});
