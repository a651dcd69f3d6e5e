import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { selectBackend } from '@srmcmc/backends';
import type { Dataset } from '@srmcmc/core';
import { serializeStateDict } from '@srmcmc/pth';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  datasetImages,
  extractFeatures,
  type ImageBatch,
  type Inception,
  inceptionExtractor,
  inceptionV3,
  loadInceptionWeights,
} from '../../src/index.ts';
import { randomImages, randomState, rawTensors } from './random.ts';
import { temporaryFolder } from './temporary.ts';

const SLOWEST_MS = 120_000;
const folder = temporaryFolder();
let inception: Inception<64 | 192>;

beforeAll(async () => {
  await selectBackend('auto');
  // The first layers are enough.
  const first = [...randomState(3)].filter(([name]) => name.startsWith('Conv2d'));
  const file = join(folder, 'first.pth');
  writeFileSync(file, serializeStateDict(rawTensors(new Map(first))));
  inception = inceptionV3(await loadInceptionWeights(file), { features: [64, 192] });
}, SLOWEST_MS);
afterAll(() => inception.dispose());

async function collect(images: Iterable<ImageBatch>, batchSize: number): Promise<Float32Array[]> {
  const all: Float32Array[] = [];
  for await (const { first, count, features } of extractFeatures(inception, images, { batchSize })) {
    expect(features[64].length).toBe(64 * count);
    for (let i = 0; i < count; i++) all[first + i] = features[192].subarray(192 * i, 192 * (i + 1));
  }
  return all;
}

describe('many images', () => {
  const images = randomImages(5, 7, 24, 40);

  test('have the same features however they are cut into batches', async () => {
    const whole = await collect([images], 7);
    const cut = await collect([images], 4);
    expect(cut.length).toBe(7);
    cut.forEach((features, i) => features.forEach((value, j) => expect(value).toBeCloseTo(whole[i]![j]!, 4)));
  });

  test('take no more tensors the more they are, and turn the event loop between batches', async () => {
    const counts: number[] = [];
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    for await (const batch of extractFeatures(inception, [images, images], { batchSize: 2 })) {
      expect(batch.count).toBeLessThanOrEqual(2);
      counts.push(tf.memory().numTensors);
    }
    clearInterval(timer);
    expect(counts.length).toBe(8);
    expect(new Set(counts).size).toBe(1);
    expect(turns).toBeGreaterThan(0);
  });

  test('report progress, and stop at a signal', async () => {
    const progress: number[] = [];
    const controller = new AbortController();
    const onProgress = (done: number): void => {
      progress.push(done);
      if (done === 6) controller.abort(new Error('enough'));
    };
    const options = { batchSize: 3, onProgress, signal: controller.signal };
    const run = async (): Promise<void> => {
      for await (const _ of extractFeatures(inception, [images], options));
    };
    await expect(run()).rejects.toThrow('enough');
    expect(progress).toEqual([3, 6]);
  });

  test('one feature as an extractor: its rows, its dimension, and where it is from', async () => {
    const extractor = inceptionExtractor(inception, 192, { batchSize: 3 });
    const rows = await collect([images], 3);
    expect(extractor.dimension).toBe(192);
    expect(await extractor.features(images)).toEqual(Float32Array.from(rows.flatMap((row) => [...row])));
    expect(extractor.source).toMatchObject({ name: 'inception-v3-2015-12-05/192', resize: 'torch-fidelity' });
    expect(extractor.source.weights).toMatch(/^[0-9a-f]{64}$/);
  });

  test("a data set's images come in its order, the first `count` of them", async () => {
    const stride = 24 * 40 * 3;
    const dataset: Dataset = {
      name: 'seven',
      shape: [24, 40, 3],
      size: 7,
      dtype: 'uint8',
      gather: async (indices) =>
        Uint8Array.from(Array.from(indices), (i) => i).reduce((all, i) => {
          const next = new Uint8Array(all.length + stride);
          next.set(all);
          next.set(images.values.subarray(i * stride, (i + 1) * stride), all.length);
          return next;
        }, new Uint8Array()),
    };
    const batches: ImageBatch[] = [];
    for await (const batch of datasetImages(dataset, { batchSize: 2, count: 5 })) batches.push(batch);
    expect(batches.map(({ shape }) => shape[0])).toEqual([2, 2, 1]);
    expect(batches[2]!.values).toEqual(images.values.subarray(4 * stride, 5 * stride));
  });
});

describe('images that are refused', () => {
  const batch = (...shape: number[]): ImageBatch => ({
    values: new Uint8Array(shape.reduce((product, size) => product * size, 1)),
    shape,
  });
  const refused = (code: string, message: RegExp) =>
    expect.objectContaining({ code, message: expect.stringMatching(message) });

  test.each([
    ['grey', batch(2, 32, 32, 1), /repeat the grey channel three times/],
    ['with an alpha channel', batch(2, 32, 32, 4), /alpha/],
    ['channels first', batch(2, 3, 32, 32), /channels must come last/],
    ['too small', batch(2, 32, 7, 3), /at least 8 pixels/],
    ['none', batch(0, 32, 32, 3), /at least one image/],
    ['one without a batch axis', batch(32, 32, 3), /axis of the batch/],
  ])('%s', (_, images, message) => {
    expect(() => inception.features(images)).toThrow(refused('INVALID_SHAPE', message));
    if (images.shape[0] === 0) return;
    const tensor = tf.zeros<tf.Rank.R4>(images.shape as [number, number, number, number]);
    expect(() => inception.features(tensor)).toThrow(refused('INVALID_SHAPE', message));
    tensor.dispose();
  });

  test('of mixed sizes: the first that differs is named', async () => {
    await expect(collect([batch(2, 32, 32, 3), batch(1, 32, 40, 3)], 16)).rejects.toEqual(
      refused('INVALID_SHAPE', /image 2 differs/),
    );
  });

  test('floats outside 0 to 255, NaN among them, and too few values', () => {
    const shape = [2, 8, 8, 3];
    const floats = new Float32Array(2 * 192).fill(100);
    floats[200] = -0.5;
    expect(() => inception.features({ values: floats, shape })).toThrow(
      refused('INVALID_ARGUMENT', /image 1 of the batch has -0.5 in it, outside 0 to 255/),
    );
    floats[200] = NaN;
    expect(() => inception.features({ values: floats, shape })).toThrow(refused('INVALID_ARGUMENT', /NaN/));
    expect(() => inception.features({ values: new Uint8Array(10), shape })).toThrow(
      refused('INVALID_ARGUMENT', /10 of them do not fill/),
    );
  });

  test('whose features are not finite: the image is named, and nothing leaks', async () => {
    const broken: Inception<64> = {
      ...inceptionV3({ ...(await brokenWeights()) }, { features: [64] }),
    };
    const tensors = tf.memory().numTensors;
    const run = async (): Promise<void> => {
      for await (const _ of extractFeatures(broken, [randomImages(1, 1, 32, 32)]));
    };
    await expect(run()).rejects.toMatchObject({ code: 'NON_FINITE_FEATURES', image: 0 });
    expect(tf.memory().numTensors).toBe(tensors);
    broken.dispose();
  });

  test('unknown features and preprocessing are refused with what there is', async () => {
    const weights = await brokenWeights();
    expect(() => inceptionV3(weights, { features: [100 as 64] })).toThrow(
      refused('INVALID_ARGUMENT', /64, 192, 768, 2048, logits, logitsUnbiased, got 100/),
    );
    expect(() => inceptionV3(weights, { features: [] })).toThrow(refused('INVALID_ARGUMENT', /got none/));
    expect(() => inceptionV3(weights, { preprocessing: 'clean-fid' as 'pytorch-fid' })).toThrow(
      refused('INVALID_ARGUMENT', /torch-fidelity, pytorch-fid, got 'clean-fid'/),
    );
  });
});

/** Finite weights whose features overflow. */
async function brokenWeights() {
  const weights = await loadInceptionWeights(join(folder, 'first.pth'));
  const first = weights.convolutions.get('Conv2d_1a_3x3')!;
  const huge = { ...first, bias: first.bias.map(() => 3e38) };
  return { ...weights, convolutions: new Map([...weights.convolutions, ['Conv2d_1a_3x3', huge]]) };
}
