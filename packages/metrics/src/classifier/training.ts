/** Learning a classifier: Adam on the cross-entropy, for some passes over the data; every draw comes from a key. */
import * as tf from '@tensorflow/tfjs-core';
import {
  batches,
  type Dataset,
  foldIn,
  InvalidArgumentError,
  InvalidShapeError,
  type Key,
  requireBackend,
  split,
  turn,
  uniforms,
} from '@srmcmc/core';
import { type ClassifierNetwork, forward, initialParameters, parameterShapes } from './network.ts';

export interface LearningProgress {
  /** Steps of the optimizer made, of all. */
  readonly step: number;
  readonly steps: number;
  /** The mean cross-entropy of the step's batch, nats. */
  readonly loss: number;
}

export interface LearningOptions {
  readonly key: Key;
  /** Passes over the data. */
  readonly epochs: number;
  readonly batchSize: number;
  /** The largest; it rises to it and falls to 0. */
  readonly learningRate: number;
  readonly onProgress?: ((progress: LearningProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

const BETA1 = 0.9;
const BETA2 = 0.99;
const EPSILON = 1e-8;
/** Share of the steps in which the learning rate rises; it falls linearly to 0 after them. */
const WARM_UP = 0.2;

/**
 * Learns the network from labelled images, half of which are mirrored in each pass. The parameters are a pure function of
 * the data, the key and the options, to the rounding of the active backend.
 *
 * @returns the parameters by their names.
 * @throws InvalidShapeError for images of another shape; InvalidArgumentError for data without labels, with labels beyond
 * the classes, or fewer than a batch; the signal's reason when it is aborted.
 */
export async function learn(
  data: Dataset,
  network: ClassifierNetwork,
  options: LearningOptions,
): Promise<Map<string, Float32Array>> {
  requireBackend();
  const { key, epochs, batchSize, learningRate, onProgress, signal } = options;
  const labels = requireLabels(data, network);
  if (data.size < batchSize) {
    throw new InvalidArgumentError(
      'data',
      `${data.name} has ${data.size} examples, fewer than a batch, ${batchSize}`,
    );
  }
  const [initialKey, orderKey, flipKey] = split(key, 3) as [Key, Key, Key];
  const initial = initialParameters(network, initialKey);
  const shapes = [...parameterShapes(network)];
  const variables = Object.fromEntries(
    shapes.map(([name, shape]) => [
      name,
      tf.tidy(() => tf.variable(tf.tensor(initial.get(name)!, [...shape]))),
    ]),
  );
  const adam = new ScheduledAdam(0, BETA1, BETA2, EPSILON);
  try {
    const steps = epochs * Math.floor(data.size / batchSize);
    const stream = batches(data, { batchSize, key: orderKey });
    for (let step = 0; step < steps; step++) {
      signal?.throwIfAborted();
      const { values, indices } = (await stream.next()).value;
      const images = mirrored(values, network.imageShape, uniforms(foldIn(flipKey, step), batchSize, 1));
      const classes = Int32Array.from(indices, (i) => labels[i]!);
      const cost = adam.stepAt(learningRate * rateAt((step + 1) / steps), Object.values(variables), () =>
        crossEntropy(network, variables, images, classes),
      );
      const [loss] = (await cost.data()) as Float32Array;
      cost.dispose();
      onProgress?.({ step: step + 1, steps, loss: loss! });
      await turn();
    }
    const read = shapes.map(
      async ([name]) => [name, (await variables[name]!.data()) as Float32Array] as const,
    );
    return new Map(await Promise.all(read));
  } finally {
    adam.dispose();
    for (const variable of Object.values(variables)) variable.dispose();
  }
}

/** −log p(class | image), the mean over images [n, ...imageShape], flat, from 0 to 255. */
export function crossEntropy(
  network: ClassifierNetwork,
  tensors: Readonly<Record<string, tf.Tensor>>,
  images: Float32Array,
  classes: Int32Array,
): tf.Scalar {
  const shape = [classes.length, ...network.imageShape] as [number, number, number, number];
  const { logits } = forward(network, tensors, tf.tensor4d(images, shape));
  const wanted = tf.cast(tf.oneHot(tf.tensor1d(classes, 'int32'), network.classes), 'float32');
  return tf.div(tf.neg(tf.sum(tf.mul(wanted, tf.logSoftmax(logits)))), classes.length);
}

/** The labels of data that the network can learn from or be tested on. */
export function requireLabels(data: Dataset, { imageShape, classes }: ClassifierNetwork): Uint8Array {
  if (data.shape.join() !== imageShape.join()) throw new InvalidShapeError('data', imageShape, data.shape);
  const { labels } = data;
  if (labels === undefined) {
    throw new InvalidArgumentError('data', `${data.name} has no labels: a classifier needs the classes`);
  }
  const beyond = labels.find((label) => label >= classes);
  if (beyond !== undefined) {
    throw new InvalidArgumentError(
      'data',
      `${data.name} has the label ${beyond}, the classifier classes 0 to ${classes - 1}`,
    );
  }
  return labels;
}

function rateAt(progress: number): number {
  return Math.min(progress / WARM_UP, (1 - progress) / (1 - WARM_UP));
}

/** Images whose uniform is below a half are mirrored left to right. */
function mirrored(
  values: ArrayLike<number>,
  imageShape: readonly number[],
  draws: Float32Array,
): Float32Array {
  const [height, width, channels] = imageShape as [number, number, number];
  const out = new Float32Array(values.length);
  for (let row = 0; row < values.length / (width * channels); row++) {
    const flips = draws[Math.floor(row / height)]! < 0.5;
    for (let x = 0; x < width; x++) {
      const from = (row * width + (flips ? width - 1 - x : x)) * channels;
      const to = (row * width + x) * channels;
      for (let c = 0; c < channels; c++) out[to + c] = values[from + c]!;
    }
  }
  return out;
}

/** tfjs's Adam (Kingma and Ba 2015) with a learning rate a step. */
class ScheduledAdam extends tf.AdamOptimizer {
  /** One step; the loss before it is the caller's. */
  stepAt(learningRate: number, variables: tf.Variable[], loss: () => tf.Scalar): tf.Scalar {
    this.learningRate = learningRate;
    return this.minimize(loss, true, variables)!;
  }
}
