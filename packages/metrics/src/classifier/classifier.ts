/** A small classifier of CIFAR-10 as a feature extractor, on whatever tfjs backend is active. */
import * as tf from '@tensorflow/tfjs-core';
import { type Dataset, requireBackend } from '@srmcmc/core';
import type { FeatureExtractor } from '../features/extractor.ts';
import { requireFinite, requireImagesOf } from '../features/feature-set.ts';
import { datasetImages } from '../inception/extract.ts';
import type { ImageBatch } from '../inception/preprocessing.ts';
import { CIFAR10_NETWORK, forward, parameterShapes } from './network.ts';
import { requireLabels } from './training.ts';
import type { ClassifierWeights } from './weights.ts';

export interface Classifier {
  /** The last layer but one, means over places: 160 numbers of an image [32, 32, 3]. */
  readonly features: FeatureExtractor;
  /** Logits of the ten classes, for `classifierScore`. */
  readonly logits: FeatureExtractor;
  /** Frees the weights' tensors. */
  dispose(): void;
}

/** Images that go through the network together. */
const IMAGES_AT_ONCE = 100;

/**
 * The classifier with its weights as tensors of the active backend. Its extractors throw InvalidShapeError for images
 * of another shape, and NonFiniteFeaturesError.
 *
 * @throws MissingBackendError.
 */
export function classifier(weights: ClassifierWeights): Classifier {
  requireBackend();
  const shapes = parameterShapes(CIFAR10_NETWORK);
  const tensors = Object.fromEntries(
    [...weights.parameters].map(([name, values]) => [
      name,
      tf.keep(tf.tensor(values, [...shapes.get(name)!])),
    ]),
  );
  const extractor = (layer: 'features' | 'logits', dimension: number): FeatureExtractor => ({
    source: {
      name: `cifar10-classifier/${layer}`,
      weights: weights.sha256,
      resize: null,
      precision: 'float32',
    },
    dimension,
    features: async (images) => {
      const n = requireImagesOf(CIFAR10_NETWORK.imageShape, images);
      const values = new Float32Array(n * dimension);
      for (let first = 0; first < n; first += IMAGES_AT_ONCE) {
        const some = tf.tidy(() => forward(CIFAR10_NETWORK, tensors, slice(images, first))[layer]);
        values.set((await some.data()) as Float32Array, first * dimension);
        some.dispose();
      }
      requireFinite(values, dimension);
      return values;
    },
  });
  return {
    features: extractor('features', CIFAR10_NETWORK.convolutions.at(-1)![2]),
    logits: extractor('logits', CIFAR10_NETWORK.classes),
    dispose: () => tf.dispose(tensors),
  };
}

/**
 * The share of labelled images, from 0 to 1, whose largest logit is that of their class.
 *
 * @throws InvalidShapeError or InvalidArgumentError for images that are not CIFAR-10's, or have no labels.
 */
export async function classifierAccuracy({ logits }: Classifier, data: Dataset): Promise<number> {
  const labels = requireLabels(data, CIFAR10_NETWORK);
  let image = 0;
  let right = 0;
  for await (const batch of datasetImages(data, { batchSize: IMAGES_AT_ONCE })) {
    const values = await logits.features(batch);
    for (let at = 0; at < values.length; at += logits.dimension) {
      const some = values.subarray(at, at + logits.dimension);
      if (some.indexOf(Math.max(...some)) === labels[image++]) right++;
    }
  }
  return right / image;
}

function slice({ values, shape }: ImageBatch, first: number): tf.Tensor4D {
  const count = Math.min(IMAGES_AT_ONCE, shape[0]! - first);
  const size = values.length / shape[0]!;
  const some = Float32Array.from(values.subarray(first * size, (first + count) * size));
  return tf.tensor4d(some, [count, ...shape.slice(1)] as [number, number, number, number]);
}
