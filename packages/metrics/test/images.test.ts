import { expect, test } from 'vitest';
import { key, normals } from '@srmcmc/core';
import {
  collectFeatures,
  collectStatistics,
  difference,
  frechetDistance,
  pixelFeatures,
  powerSpectrumFeatures,
  reconstructionQuality,
  statisticsOf,
  structuralSimilarity,
} from '../src/index.ts';
import { arrays, statistics } from './goldens.ts';

const array = arrays('images.npz');
const golden = statistics.images;
const SHAPE = [17, 23, 3];
const bytes = (name: string) => ({ values: Uint8Array.from(array(name).values), shape: [3, ...SHAPE] });
const [a, b] = [bytes('a'), bytes('b')];
const scaled = ({ values, shape }: typeof a) => ({
  values: Float64Array.from(values, (value) => value / 127.5 - 1),
  shape,
});

test("MSE, PSNR and SSIM are scikit-image's, of bytes and of floats", () => {
  for (const [x, y, expected] of [
    [a, b, golden.bytes],
    [scaled(a), scaled(b), golden.floats],
  ] as const) {
    const quality = reconstructionQuality(x, y);
    expected.mse.forEach((value, i) => expect(quality.meanSquaredError.each[i]! / value).toBeCloseTo(1, 12));
    expected.psnr.forEach((value, i) =>
      expect(quality.peakSignalToNoiseRatio.each[i]!).toBeCloseTo(value, 10),
    );
    expected.ssim.forEach((value, i) =>
      expect(quality.structuralSimilarity!.each[i]!).toBeCloseTo(value, 10),
    );
    const mean = expected.ssim.reduce((sum, value) => sum + value, 0) / 3;
    expect(quality.structuralSimilarity!.value).toBeCloseTo(mean, 10);
    const squares = expected.ssim.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    expect(quality.structuralSimilarity!.standardError).toBeCloseTo(Math.sqrt(squares / 2 / 3), 10);
  }
});

test('qualities of the same originals are compared, and of others not', () => {
  const psnr = (x: typeof a, y: typeof a) => reconstructionQuality(x, y).peakSignalToNoiseRatio;
  const noise = { ...a, values: a.values.map((value) => value ^ 1) };
  expect(difference(psnr(a, noise), psnr(a, b)).value).toBeGreaterThan(10);
  expect(() => difference(psnr(a, noise), psnr(b, noise))).toThrow('computedWith.reference.sha256');
});

test('equal images have MSE 0, infinite PSNR and SSIM 1, be they of one colour', () => {
  const grey = { values: new Uint8Array(2 * 12 * 12).fill(7), shape: [2, 12, 12, 1] };
  const quality = reconstructionQuality(grey, grey);
  expect(quality.meanSquaredError.value).toBe(0);
  expect(quality.peakSignalToNoiseRatio.value).toBe(Infinity);
  expect(quality.peakSignalToNoiseRatio).not.toHaveProperty('standardError');
  expect(quality.structuralSimilarity!.value).toBeCloseTo(1, 12);
});

test('images below 11 pixels have no SSIM, and images of unlike shapes are refused', () => {
  const small = { values: new Uint8Array(10 * 30), shape: [1, 10, 30, 1] };
  expect(reconstructionQuality(small, small)).not.toHaveProperty('structuralSimilarity');
  expect(() => structuralSimilarity(small.values, small.values, [10, 30, 1])).toThrow(
    'the window is 11 by 11',
  );
  expect(() => reconstructionQuality(a, small)).toThrow(expect.objectContaining({ code: 'INVALID_SHAPE' }));
  const none = { values: new Uint8Array(0), shape: [0, 17, 23, 3] };
  expect(() => reconstructionQuality(none, none)).toThrow(
    expect.objectContaining({ code: 'TOO_FEW_EXAMPLES' }),
  );
  expect(() => reconstructionQuality(a, b, { range: 0 })).toThrow('must be positive');
});

test("pixel and power spectrum features are numpy's means over cells and Fourier transforms", async () => {
  const pixels = await pixelFeatures({ shape: SHAPE }).features(a);
  golden.pixels.forEach((value, i) => expect(pixels[golden.pixels.length + i]!).toBeCloseTo(value, 12));
  const spectrum = powerSpectrumFeatures({ shape: SHAPE });
  expect(spectrum.frequencies).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  const power = await spectrum.features(a);
  golden.power.flat().forEach((value, i) => expect(power[i]!).toBeCloseTo(value, 10));
});

/** Noise about a grey ramp; `blurred` averages neighbours, which leaves means as they are. */
function batch(seed: number, blurred = false) {
  const shape = [64, 16, 16, 3];
  const noise = normals(key(seed), 64, 16 * 16 * 3);
  const values = new Uint8Array(noise.length);
  for (let i = 0; i < noise.length; i++) {
    const row = Math.floor((i % 768) / 48);
    const neighbour = Math.floor((i % 48) / 3) === 15 ? i - 45 : i + 3;
    const z = blurred ? (noise[i]! + noise[neighbour]!) / 2 : noise[i]!;
    values[i] = Math.max(0, Math.min(255, 60 + 8 * row + 20 * z));
  }
  return { values, shape };
}

test('distances without any network tell blurred images from sharp ones, and not sharp from other sharp ones', async () => {
  const spectrum = powerSpectrumFeatures({ shape: [16, 16, 3] });
  const of = async (seeds: number[], blurred = false) =>
    collectStatistics(
      spectrum,
      seeds.map((seed) => batch(seed, blurred)),
    );
  const reference = await of([1, 2]);
  const near = await frechetDistance(await of([3, 4]), reference);
  const far = await frechetDistance(await of([5, 6], true), reference);
  expect(far.value).toBeGreaterThan(20 * near.value);
  expect(far.computedWith.features!.name).toBe('power spectrum 16×16×3');
});

test('statistics collected from a stream are those of all features at once', async () => {
  const extractor = pixelFeatures({ shape: [16, 16, 3], side: 4 });
  const images = [batch(1), batch(2)];
  const progress: number[] = [];
  const streamed = await collectStatistics(extractor, images, { onProgress: (n) => progress.push(n) });
  const set = await collectFeatures(extractor, images);
  expect(progress).toEqual([64, 128]);
  expect(set.count).toBe(128);
  expect(statisticsOf(set)).toEqual(streamed);
  await expect(
    collectFeatures(extractor, images, { signal: AbortSignal.abort(new Error('no')) }),
  ).rejects.toThrow('no');
});

test('images of another shape, or with values outside 0 to 255, are refused', async () => {
  for (const make of [pixelFeatures, powerSpectrumFeatures]) {
    const extractor = make({ shape: SHAPE });
    await expect(extractor.features({ ...a, shape: [3, 23, 17, 3] })).rejects.toMatchObject({
      code: 'INVALID_SHAPE',
    });
    const signed = { values: new Float32Array(17 * 23 * 3).fill(-0.5), shape: [1, ...SHAPE] };
    await expect(extractor.features(signed)).rejects.toMatchObject({ field: 'images' });
    const nan = { ...signed, values: signed.values.map(() => NaN) };
    await expect(extractor.features(nan)).rejects.toMatchObject({ field: 'images' });
    expect(() => make({ shape: [17, 23] })).toThrow(expect.objectContaining({ code: 'INVALID_SHAPE' }));
  }
});
