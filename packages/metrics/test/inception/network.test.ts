import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { type BackendRequest, selectBackend } from '@srmcmc/backends';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { golden, relativeError, under } from '../../../../tools/goldens/golden.ts';
import {
  type InceptionFeature,
  type InceptionWeights,
  inceptionV3,
  loadInceptionWeights,
  type Preprocessing,
} from '../../src/index.ts';
import { randomImages, randomWeights } from './random.ts';
import { temporaryFolder } from './temporary.ts';

const FEATURES = [64, 192, 768, 2048, 'logitsUnbiased', 'logits'] as const;
const NAMES: Readonly<Record<string, string>> = { logitsUnbiased: 'logits_unbiased' };
const FOUR_DIGITS = 1e-5;
const SLOWEST_MS = 120_000;
/** Half a minute on two idle cores; many times that where they are shared. */
const LONGEST_MS = 900_000;

const folder = temporaryFolder();
const reference = golden(import.meta.url, 'inception-random');
let weights: InceptionWeights;

beforeAll(async () => void (weights = await randomWeights(folder)), SLOWEST_MS);
beforeEach(async () => {
  await selectBackend('auto');
});

function compute<F extends InceptionFeature>(
  features: readonly F[],
  images: ReturnType<typeof randomImages>,
  preprocessing: Preprocessing = 'torch-fidelity',
  from = weights,
): Map<F, Float32Array> {
  const inception = inceptionV3(from, { features, preprocessing });
  const tensors = inception.features(images);
  const values = features.map((feature) => [feature, tensors[feature].dataSync() as Float32Array] as const);
  tf.dispose(tensors as unknown as tf.TensorContainer);
  inception.dispose();
  return new Map(values);
}

function expectGolden(prefix: string, found: ReadonlyMap<InceptionFeature, Float32Array>): void {
  const expected = under(reference, prefix);
  expect(expected.size).toBe(found.size);
  for (const [feature, values] of found) {
    const { data } = expected.get(NAMES[feature] ?? String(feature))!;
    expect(relativeError(values, data), `${prefix}${feature}`).toBeLessThan(FOUR_DIGITS);
  }
}

/** The first images' part of a golden. */
function first(prefix: string, feature: InceptionFeature, images: number): Float32Array {
  const { data, shape } = reference.get(`${prefix}${NAMES[feature] ?? feature}`)!;
  return data.subarray(0, (data.length / shape[0]!) * images);
}

describe('with random weights of the whole network', () => {
  test("all features and logits equal torch-fidelity's", () => {
    expectGolden('fidelity.', compute(FEATURES, randomImages(1, 4, 32, 32)));
  });

  test("features equal pytorch-fid's with its preprocessing, and differ without", () => {
    const images = randomImages(1, 2, 32, 32);
    expectGolden('pytorch-fid.', compute([64, 192, 768, 2048], images, 'pytorch-fid'));
    const other = compute([64], images).get(64)!;
    expect(relativeError(other, reference.get('pytorch-fid.64')!.data)).toBeGreaterThan(100 * FOUR_DIGITS);
  });

  test('images that are larger than 299×299 are resized as each of the two does it', () => {
    const images = randomImages(2, 1, 352, 400);
    expectGolden('large.fidelity.', compute([64, 192], images));
    expectGolden('large.pytorch-fid.', compute([64, 192], images, 'pytorch-fid'));
  });
});

async function absence(request: BackendRequest): Promise<string | undefined> {
  try {
    await selectBackend(request);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const requests = [
  // Plain JavaScript takes a minute for the rest.
  ['cpu', [64, 192]],
  ['wasm', FEATURES],
  ['native', FEATURES],
  ['tensorflow', FEATURES],
] as const;
const absences = new Map<string, string | undefined>();
for (const [request] of requests) absences.set(request, await absence(request));

for (const [request, features] of requests) {
  const missing = absences.get(request);
  const skipped = missing === undefined ? '' : ` (skipped: ${missing})`;
  test.skipIf(missing !== undefined)(`${request} computes the reference's features${skipped}`, async () => {
    await selectBackend(request);
    const found = compute<InceptionFeature>(features, randomImages(1, 1, 32, 32));
    for (const [feature, values] of found) {
      expect(relativeError(values, first('fidelity.', feature, 1)), `${feature}`).toBeLessThan(FOUR_DIGITS);
    }
  });
}

test('an image has the same features alone and in a batch', () => {
  const images = randomImages(1, 4, 32, 32);
  const last = { values: images.values.subarray(3 * 32 * 32 * 3), shape: [1, 32, 32, 3] as const };
  const alone = compute([768], { ...last, shape: [...last.shape] }).get(768)!;
  const together = compute([768], images).get(768)!;
  expect(relativeError(alone, together.subarray(3 * 768))).toBeLessThan(1e-5);
});

test('bytes, floats of the same values and a tensor give the same features', () => {
  const { values, shape } = randomImages(1, 2, 32, 32);
  const inception = inceptionV3(weights, { features: [64] });
  const read = (images: Parameters<typeof inception.features>[0]): Float32Array =>
    tf.tidy(() => inception.features(images)[64].dataSync() as Float32Array);
  const bytes = read({ values, shape });
  expect(read({ values: Float32Array.from(values), shape })).toEqual(bytes);
  const tensor = tf.tensor4d(Int32Array.from(values), shape, 'int32');
  expect(read(tensor)).toEqual(bytes);
  expect(tensor.isDisposed).toBe(false);
  tensor.dispose();
  inception.dispose();
});

test('features leave no tensors behind but the features, and dispose leaves none', () => {
  const images = randomImages(1, 1, 32, 32);
  const before = tf.memory().numTensors;
  const inception = inceptionV3(weights, { features: [64, 192] });
  const built = tf.memory().numTensors;
  tf.dispose(inception.features(images) as unknown as tf.TensorContainer);
  expect(tf.memory().numTensors).toBe(built);
  inception.dispose();
  expect(tf.memory().numTensors).toBe(before);
});

// The weights of the published network to Mixed_6e, batch norm folded, beside the repository or wherever it is said.
const repository = fileURLToPath(new URL('../../../..', import.meta.url));
const published = resolve(
  process.env['SRMCMC_INCEPTION_WEIGHTS'] ??
    join(repository, '../shared/weights/inception-2015-12-05-to-mixed-6e.safetensors'),
);

describe.skipIf(!existsSync(published))(`with the published weights (${published})`, () => {
  const columns = (features: Float32Array): Float32Array => features.filter((_, i) => (i % 768) % 12 === 0);

  test(
    "FID-768 features of 256 images equal torch-fidelity's to 1e-4, and sum to the same",
    async () => {
      const reference768 = golden(import.meta.url, 'inception-768');
      const network = await loadInceptionWeights(published);
      const images = randomImages(3, 256, 32, 32);
      const inception = inceptionV3(network, { features: [768] });
      const all = new Float32Array(256 * 768);
      for (let start = 0; start < 256; start += 16) {
        const values = images.values.subarray(start * 3072, (start + 16) * 3072);
        const { 768: features } = inception.features({ values, shape: [16, 32, 32, 3] });
        all.set(features.dataSync() as Float32Array, start * 768);
        features.dispose();
      }
      inception.dispose();
      expect(greatest(columns(all), reference768.get('fidelity.columns')!.data)).toBeLessThan(1e-4);
      const sums = new Float64Array(768);
      all.forEach((value, i) => (sums[i % 768]! += value));
      expect(greatest(sums, reference768.get('fidelity.sums')!.data)).toBeLessThan(256 * 1e-4);
    },
    LONGEST_MS,
  );

  test("FID-768 features equal pytorch-fid's to 1e-4 with its preprocessing", async () => {
    const reference768 = golden(import.meta.url, 'inception-768');
    const network = await loadInceptionWeights(published);
    const found = compute([768], randomImages(3, 8, 32, 32), 'pytorch-fid', network).get(768)!;
    expect(greatest(columns(found), reference768.get('pytorch-fid.columns')!.data)).toBeLessThan(1e-4);
  });
});

/** The greatest |a − b|; Infinity where the lengths differ or a value is NaN. */
function greatest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let most = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (Number.isNaN(difference)) return Infinity;
    most = Math.max(most, difference);
  }
  return most;
}
