/** Inception in mixed precision: its features are nearly the references', and say what they are. */
import { join } from 'node:path';
import { selectBackend } from '@srmcmc/backends';
import { InvalidArgumentError } from '@srmcmc/core';
import { beforeAll, describe, expect, test } from 'vitest';
import { golden, relativeError } from '../../../../tools/goldens/golden.ts';
import {
  featureSet,
  frechetDistance,
  IncomparableError,
  type InceptionPrecision,
  type InceptionWeights,
  inceptionV3,
  loadStatistics,
  saveStatistics,
  statisticsOf,
} from '../../src/index.ts';
import { randomImages, randomWeights } from './random.ts';
import { temporaryFolder } from './temporary.ts';

/** The most that rounding to 8 significant bits moves a number. */
const ROUNDING = 2 ** -9;
const SLOWEST_MS = 120_000;
const folder = temporaryFolder();
const images = randomImages(1, 4, 32, 32);
let weights: InceptionWeights;

beforeAll(async () => void (weights = await randomWeights(folder)), SLOWEST_MS);

function features(feature: 64 | 192 | 768, precision: InceptionPrecision): Float32Array {
  const inception = inceptionV3(weights, { features: [feature], precision });
  const tensor = inception.features(images)[feature];
  const values = tensor.dataSync() as Float32Array;
  tensor.dispose();
  inception.dispose();
  return values;
}

const isNative = await selectBackend('native').then(
  () => true,
  () => false,
);

describe.skipIf(!isNative)('mixed precision', () => {
  beforeAll(async () => void (await selectBackend('native')));

  test(
    "gives torch-fidelity's features to a few roundings of bfloat16, and not exactly",
    () => {
      const reference = golden(import.meta.url, 'inception-random');
      expect(features(64, 'mixed')).toEqual(features(64, 'float32'));
      for (const feature of [192, 768] as const) {
        const expected = reference.get(`fidelity.${feature}`)!.data;
        const error = relativeError(features(feature, 'mixed'), expected);
        expect(error, `${feature}`).toBeLessThan(4 * ROUNDING);
        expect(error, `${feature}`).toBeGreaterThan(1e-5);
      }
    },
    SLOWEST_MS,
  );

  test('is part of what features are, so that they never meet those of float32', async () => {
    const [mixed, single] = (['mixed', 'float32'] as const).map((precision) => {
      const inception = inceptionV3(weights, { features: [64], precision });
      const source = inception.source(64);
      inception.dispose();
      expect(source.precision).toBe(precision);
      return statisticsOf(featureSet(features(64, precision), 64, source));
    });
    await expect(frechetDistance(mixed!, single!)).rejects.toThrow(IncomparableError);
    await expect(frechetDistance(mixed!, single!)).rejects.toThrow('precision: mixed, float32');
    for (const extension of ['npz', 'safetensors']) {
      const file = join(folder, `mixed.${extension}`);
      await saveStatistics(file, mixed!);
      await expect(frechetDistance(await loadStatistics(file), single!)).rejects.toThrow(
        'precision: mixed, float32',
      );
    }
  });
});

test('an unknown precision is refused by name, and mixed on a backend without bfloat16', async () => {
  await selectBackend('cpu');
  const build = (precision: string) => (): unknown =>
    inceptionV3(weights, { features: [64], precision: precision as InceptionPrecision });
  expect(build('half')).toThrow(InvalidArgumentError);
  expect(build('half')).toThrow("precision: one of float32, mixed, got 'half'");
  expect(build('mixed')).toThrow(InvalidArgumentError);
  expect(build('mixed')).toThrow("mixed is the native backend's");
});
