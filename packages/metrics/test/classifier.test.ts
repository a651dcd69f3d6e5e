import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { selectBackend } from '@srmcmc/backends';
import { type Dataset, elements, key, normals } from '@srmcmc/core';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { golden, relativeError, under } from '../../../tools/goldens/golden.ts';
import {
  classifier,
  classifierAccuracy,
  classifierScore,
  type ClassifierWeights,
  collectFeatures,
  collectStatistics,
  featureSet,
  frechetDistance,
  inceptionScore,
  loadClassifierWeights,
  requireComparable,
  trainClassifier,
} from '../src/index.ts';
import {
  CIFAR10_NETWORK,
  type ClassifierNetwork,
  forward,
  initialParameters,
  parameterShapes,
} from '../src/classifier/network.ts';
import { crossEntropy, learn, type LearningProgress } from '../src/classifier/training.ts';
import { temporaryFolder } from './inception/temporary.ts';

/** Of learning the whole network, where no compiled backend is there to do it in seconds. */
const LONGEST_MS = 900_000;

const folder = temporaryFolder();
beforeAll(async () => {
  await selectBackend('auto');
});

const TINY: ClassifierNetwork = {
  imageShape: [8, 8, 3],
  convolutions: [
    [3, 2, 6],
    [3, 2, 8],
  ],
  classes: 4,
};

/** Classes of another colour or of stripes in another direction, with noise: no pixel alone tells the class. */
function separable(size: number, seed: number): Dataset {
  const [height, width, channels] = TINY.imageShape as [number, number, number];
  const labels = Uint8Array.from({ length: size }, (_, i) => i % TINY.classes);
  const noise = normals(key(seed), size, elements(TINY.imageShape));
  const values = new Uint8ClampedArray(noise.length);
  const phases = normals(key(seed), size, 2, 1);
  values.forEach((_, i) => {
    const image = Math.floor(i / (height * width * channels));
    const [x, y] = [Math.floor(i / channels) % width, Math.floor(i / (channels * width)) % height];
    const along = labels[image]! % 2 === 0 ? x : y;
    const stripes = Math.sin((Math.PI * along) / 2 + 3 * phases[2 * image]!);
    const colour = labels[image]! < 2 ? i % channels === 0 : i % channels === 2;
    values[i] = 128 + 70 * stripes * (colour ? 1 : 0.3) + 25 * noise[i]!;
  });
  return dataset('toy', TINY.imageShape, new Uint8Array(values.buffer), labels);
}

function dataset(name: string, shape: readonly number[], values: Uint8Array, labels?: Uint8Array): Dataset {
  const stride = elements(shape);
  return {
    name,
    shape,
    size: values.length / stride,
    dtype: 'uint8',
    gather: async (indices) =>
      Buffer.concat(Array.from(indices, (i) => values.subarray(i * stride, (i + 1) * stride))),
    ...(labels && { labels }),
  };
}

const OPTIONS = { key: key(3), epochs: 12, batchSize: 20, learningRate: 0.02 };

async function accuracyOf(
  network: ClassifierNetwork,
  parameters: ReadonlyMap<string, Float32Array>,
  data: Dataset,
): Promise<number> {
  const values = await data.gather(Array.from({ length: data.size }, (_, i) => i));
  const found = tf.tidy(() => {
    const shapes = parameterShapes(network);
    const tensors = Object.fromEntries(
      [...parameters].map(([name, p]) => [name, tf.tensor(p, [...shapes.get(name)!])]),
    );
    const images = tf.tensor4d(Float32Array.from(values), [data.size, ...network.imageShape] as never);
    return tf.argMax(forward(network, tensors, images).logits, 1).dataSync();
  });
  return data.labels!.reduce((right, label, i) => right + Number(label === found[i]), 0) / data.size;
}

describe('the network', () => {
  const reference = golden(import.meta.url, 'classifier-tiny');
  const network: ClassifierNetwork = {
    imageShape: [7, 7, 2],
    convolutions: [
      [5, 2, 4],
      [3, 1, 3],
      [3, 2, 6],
    ],
    classes: 3,
  };
  const parameters = under(reference, 'parameter.');
  const tensors = (): Record<string, tf.Tensor> =>
    Object.fromEntries([...parameters].map(([name, { data, shape }]) => [name, tf.tensor(data, [...shape])]));

  test('has the features, the logits, the loss and the gradients of the same network in PyTorch', () => {
    const images = reference.get('images')!.data;
    const classes = Int32Array.from(reference.get('classes')!.data);
    tf.tidy(() => {
      const { features, logits } = forward(network, tensors(), tf.tensor4d(images, [5, 7, 7, 2]));
      expect(relativeError(features.dataSync(), reference.get('features')!.data)).toBeLessThan(1e-5);
      expect(relativeError(logits.dataSync(), reference.get('logits')!.data)).toBeLessThan(1e-5);
      const names = [...parameters.keys()];
      const loss = (...given: tf.Tensor[]): tf.Scalar =>
        crossEntropy(
          network,
          Object.fromEntries(given.map((tensor, i) => [names[i]!, tensor])),
          images,
          classes,
        );
      const { value, grads } = tf.valueAndGrads(loss)(Object.values(tensors()));
      expect(relativeError(value.dataSync(), reference.get('loss')!.data)).toBeLessThan(1e-5);
      grads.forEach((gradient, i) => {
        const expected = reference.get(`gradient.${names[i]!}`)!;
        expect(gradient.shape).toEqual(expected.shape);
        expect(relativeError(gradient.dataSync(), expected.data), names[i]).toBeLessThan(1e-5);
      });
    });
  });

  test('begins with the variances of He et al.', async () => {
    const initial = initialParameters(CIFAR10_NETWORK, key(1));
    const size = [...initial.values()].reduce((sum, { length }) => sum + length, 0);
    expect(size).toBe(280_922);
    const spread = (name: string): number =>
      Math.hypot(...initial.get(name)!) / Math.sqrt(initial.get(name)!.length);
    // 3 · 3 · 48 inputs.
    expect(spread('conv3.weight')).toBeCloseTo(Math.sqrt(2 / (9 * 48)), 2);
    expect(spread('linear.weight')).toBeCloseTo(Math.sqrt(1 / 160), 2);
    expect(spread('conv3.bias')).toBe(0);
  });
});

describe('learning', () => {
  test('classes that can be told apart are, in images that were not learned from: the loss falls, 95 % are right', async () => {
    const before = tf.memory().numTensors;
    const losses: number[] = [];
    const onProgress = ({ loss }: LearningProgress): void => void losses.push(loss);
    const parameters = await learn(separable(400, 1), TINY, { ...OPTIONS, onProgress });
    expect(tf.memory().numTensors).toBe(before);
    expect(losses).toHaveLength(12 * 20);
    const mean = (some: readonly number[]): number => some.reduce((a, b) => a + b, 0) / some.length;
    // Guessing costs log 4.
    expect(mean(losses.slice(0, 3))).toBeGreaterThan(0.7 * Math.log(4));
    expect(mean(losses.slice(-20))).toBeLessThan(0.2 * Math.log(4));
    expect(await accuracyOf(TINY, parameters, separable(200, 2))).toBeGreaterThan(0.95);
    const untaught = initialParameters(TINY, key(3));
    expect(await accuracyOf(TINY, untaught, separable(200, 2))).toBeLessThan(0.6);
  });

  test('is a function of the key', async () => {
    const options = { ...OPTIONS, epochs: 1 };
    const [first, again, other] = [
      await learn(separable(60, 1), TINY, options),
      await learn(separable(60, 1), TINY, options),
      await learn(separable(60, 1), TINY, { ...options, key: key(4) }),
    ];
    expect(again).toEqual(first);
    expect(other!.get('linear.weight')).not.toEqual(first!.get('linear.weight'));
  });

  test('ends with the reason of the signal, and leaves no tensor', async () => {
    const before = tf.memory().numTensors;
    const controller = new AbortController();
    const reason = new Error('enough');
    let steps = 0;
    const learning = learn(separable(400, 1), TINY, {
      ...OPTIONS,
      signal: controller.signal,
      onProgress: ({ step }) => (steps = step) === 5 && controller.abort(reason),
    });
    await expect(learning).rejects.toBe(reason);
    expect(steps).toBe(5);
    expect(tf.memory().numTensors).toBe(before);
  });

  test('refuses data of another shape, without labels, or with too many classes', async () => {
    const bytes = new Uint8Array(2 * 32 * 32 * 3);
    const ofShape = dataset('grey', [28, 28, 1], new Uint8Array(2 * 28 * 28), Uint8Array.of(0, 1));
    await expect(trainClassifier(ofShape)).rejects.toThrow(/data.*\[32, 32, 3\]/);
    const unlabelled = dataset('bare', [32, 32, 3], bytes);
    await expect(trainClassifier(unlabelled)).rejects.toThrow('data: bare has no labels');
    const tooMany = dataset('many', [32, 32, 3], bytes, Uint8Array.of(3, 10));
    await expect(trainClassifier(tooMany)).rejects.toThrow(
      'data: many has the label 10, the classifier classes 0 to 9',
    );
    const few = dataset('few', [32, 32, 3], bytes, Uint8Array.of(3, 9));
    await expect(trainClassifier(few)).rejects.toThrow('data: few has 2 examples, fewer than a batch, 128');
  });
});

describe('the weights', () => {
  let learned: ClassifierWeights;
  const images = (seed: number, count: number): Uint8Array =>
    Uint8Array.from(normals(key(seed), count, 32 * 32 * 3), (z) => Math.min(255, Math.max(0, 128 + 50 * z)));
  const file = join(folder, 'a', 'classifier.safetensors');
  beforeAll(async () => {
    const labels = Uint8Array.from({ length: 128 }, (_, i) => i % 10);
    const data = dataset('noise', [32, 32, 3], images(1, 128), labels);
    learned = await trainClassifier(data, { file });
  }, LONGEST_MS);
  const opened: { dispose(): void }[] = [];
  afterEach(() => opened.splice(0).forEach((one) => one.dispose()));
  const open = (weights: ClassifierWeights): ReturnType<typeof classifier> => {
    const made = classifier(weights);
    opened.push(made);
    return made;
  };

  test('are in the file, with its hash', async () => {
    const loaded = await loadClassifierWeights(file);
    expect(loaded).toEqual(learned);
    expect(loaded.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  test('are refused where the file is missing, cut short, altered or something else', async () => {
    await expect(loadClassifierWeights(join(folder, 'none'))).rejects.toMatchObject({
      code: 'MISSING_WEIGHTS',
    });
    const bytes = readFileSync(file);
    const broken = async (content: Uint8Array): Promise<unknown> => {
      writeFileSync(join(folder, 'broken'), content);
      return loadClassifierWeights(join(folder, 'broken')).catch((error: Error) => error);
    };
    expect(await broken(bytes.subarray(0, 1000))).toMatchObject({ code: 'CORRUPT_WEIGHTS' });
    const renamed = Buffer.from(bytes.toString('latin1').replace('conv2.bias', 'conv2.bier'), 'latin1');
    expect(await broken(renamed)).toMatchObject({
      code: 'CORRUPT_WEIGHTS',
      message: expect.stringContaining('lacks conv2.bias [48]'),
    });
    const other = Buffer.from(
      bytes.toString('latin1').replace('srmcmc-cifar10-classifier', 'srmcmc-cifar10-somethings'),
      'latin1',
    );
    expect(await broken(other)).toMatchObject({ code: 'CORRUPT_WEIGHTS' });
    const infinite = Buffer.from(bytes);
    infinite.writeFloatLE(Infinity, bytes.length - 4);
    expect(await broken(infinite)).toMatchObject({ message: expect.stringContaining('not finite') });
  });

  test('give features and logits image by image, whatever the batches, and their accuracy', async () => {
    const { features, logits } = open(learned);
    const batch = { values: images(5, 130), shape: [130, 32, 32, 3] };
    const together = await features.features(batch);
    expect(together).toHaveLength(130 * 160);
    const last = { values: batch.values.subarray(129 * 3072), shape: [1, 32, 32, 3] };
    expect(relativeError(await features.features(last), together.subarray(129 * 160))).toBeLessThan(1e-5);
    const values = await logits.features(batch);
    const guesses = Uint8Array.from({ length: 130 }, (_, i) => {
      const some = values.subarray(10 * i, 10 * i + 10);
      return some.indexOf(Math.max(...some));
    });
    // Labels that are the guesses but for 13 of them.
    const labels = guesses.map((guess, i) => (i % 10 === 0 ? (guess + 1) % 10 : guess));
    const accuracy = await classifierAccuracy(
      { logits } as never,
      dataset('guesses', [32, 32, 3], batch.values, labels),
    );
    expect(accuracy).toBeCloseTo(0.9, 10);
    await expect(
      features.features({ values: new Uint8Array(28 * 28), shape: [1, 28, 28, 1] }),
    ).rejects.toMatchObject({
      code: 'INVALID_SHAPE',
    });
  });

  test('are named by every measurement, and others are refused beside them', async () => {
    const { features } = open(learned);
    const altered = new Map(learned.parameters).set('linear.bias', new Float32Array(10).fill(1));
    const others = open({ ...learned, parameters: altered, sha256: 'f'.repeat(64) });
    const batch = [{ values: images(6, 8), shape: [8, 32, 32, 3] }];
    const [a, b] = [
      await collectStatistics(features, batch),
      await collectStatistics(others.features, batch),
    ];
    const { computedWith } = await frechetDistance(a, a);
    expect(computedWith.features).toMatchObject({
      name: 'cifar10-classifier/features',
      weights: learned.sha256,
    });
    await expect(frechetDistance(a, b)).rejects.toMatchObject({ code: 'INCOMPARABLE' });
  });

  test('a classifier score is the formula of the Inception Score, by a name of its own', async () => {
    const { logits } = open(learned);
    const set = await collectFeatures(logits, [{ values: images(7, 40), shape: [40, 32, 32, 3] }]);
    const score = classifierScore(set, { splits: 2 });
    const inception = inceptionScore(set, { splits: 2 });
    expect(score).toEqual({ ...inception, metric: 'classifier-score' });
    expect(() => requireComparable([score, inception])).toThrow('classifier-score, inception-score');
    // Sure of every image, and of all classes alike: the score is their number.
    const sure = Float32Array.from({ length: 100 * 10 }, (_, i) =>
      Math.floor(i / 10) % 10 === i % 10 ? 100 : 0,
    );
    expect(classifierScore(featureSet(sure, 10), { splits: 1 }).value).toBeCloseTo(10, 6);
  });
});
