/** Features of any number of images, a batch at a time, so that memory does not grow with their number. */
import { setImmediate as turn } from 'node:timers/promises';
import { type Dataset, dispose, elements, InvalidShapeError, requireInteger } from '@srmcmc/core';
import type { FeatureExtractor } from '../features/extractor.ts';
import { NonFiniteFeaturesError } from './errors.ts';
import { dimensionOf, type Inception } from './inception.ts';
import type { ImageBatch } from './preprocessing.ts';
import type { InceptionFeature } from './weights.ts';

export interface ExtractOptions {
  /** Images that the network sees together: memory grows with it, about 30 MB an image. Default: 16. */
  readonly batchSize?: number;
  /** Called after each batch with the number of images done. */
  readonly onProgress?: (images: number) => void;
  readonly signal?: AbortSignal;
}

export interface FeatureBatch<F extends InceptionFeature> {
  /** The number of the first image in it. */
  readonly first: number;
  readonly count: number;
  /** [count, size of the feature], flat. */
  readonly features: Readonly<Record<F, Float32Array>>;
}

/**
 * The features of images in their order. Batches that are larger than `batchSize` are cut up. The event loop turns
 * after every batch.
 *
 * @throws InvalidShapeError where a batch has images of another size than the first, or what `Inception.features`
 * refuses; NonFiniteFeaturesError; the signal's reason when it is aborted.
 */
export async function* extractFeatures<F extends InceptionFeature>(
  inception: Inception<F>,
  images: AsyncIterable<ImageBatch> | Iterable<ImageBatch>,
  options: ExtractOptions = {},
): AsyncGenerator<FeatureBatch<F>, void, void> {
  const { batchSize = 16, onProgress, signal } = options;
  requireInteger('batchSize', batchSize, 1);
  let first = 0;
  let size: readonly number[] | undefined;
  for await (const batch of images) {
    size ??= batch.shape.slice(1);
    if (size.some((side, axis) => side !== batch.shape[axis + 1])) {
      const remedy = `images of one size are needed, and image ${first} differs from those before it: resize them`;
      throw new InvalidShapeError('images', ['n', ...size], batch.shape, remedy);
    }
    for (const piece of pieces(batch, batchSize)) {
      signal?.throwIfAborted();
      const features = await read(inception, piece, first);
      const count = piece.shape[0]!;
      yield { first, count, features };
      first += count;
      onProgress?.(first);
      await turn();
    }
  }
}

/**
 * One feature of the network as an extractor. Larger batches of images are cut up: memory grows with `batchSize`.
 */
export function inceptionExtractor<F extends InceptionFeature>(
  inception: Inception<F>,
  feature: F,
  options: { readonly batchSize?: number } = {},
): FeatureExtractor {
  const dimension = dimensionOf(feature);
  return {
    source: inception.source(feature),
    dimension,
    async features(images) {
      const values = new Float32Array(images.shape[0]! * dimension);
      for await (const { first, features } of extractFeatures(inception, [images], options)) {
        values.set(features[feature], first * dimension);
      }
      return values;
    },
  };
}

/** The images of a data set, the first `count` in its order, as `extractFeatures` takes them. */
export async function* datasetImages(
  dataset: Dataset,
  options: { readonly batchSize?: number; readonly count?: number } = {},
): AsyncGenerator<ImageBatch, void, void> {
  const { batchSize = 16, count = dataset.size } = options;
  requireInteger('batchSize', batchSize, 1);
  for (let start = 0; start < Math.min(count, dataset.size); start += batchSize) {
    const size = Math.min(batchSize, count - start, dataset.size - start);
    const values = await dataset.gather(Uint32Array.from({ length: size }, (_, i) => start + i));
    yield { values, shape: [size, ...dataset.shape] };
  }
}

function* pieces({ values, shape }: ImageBatch, size: number): Generator<ImageBatch> {
  const [count = 0, ...event] = shape;
  const stride = elements(event);
  // An empty batch passes on to be refused.
  for (let start = 0; start < Math.max(count, 1); start += size) {
    const end = Math.min(count, start + size);
    yield count <= size
      ? { values, shape }
      : { values: values.subarray(start * stride, end * stride), shape: [end - start, ...event] };
  }
}

async function read<F extends InceptionFeature>(
  inception: Inception<F>,
  images: ImageBatch,
  first: number,
): Promise<Record<F, Float32Array>> {
  const tensors = inception.features(images);
  const read: Partial<Record<F, Float32Array>> = {};
  try {
    for (const feature of inception.wanted) {
      const values = (await tensors[feature].data()) as Float32Array;
      const at = values.findIndex((value) => !Number.isFinite(value));
      if (at >= 0) {
        throw new NonFiniteFeaturesError(
          first + Math.floor((at * images.shape[0]!) / values.length),
          feature,
        );
      }
      read[feature] = values;
    }
  } finally {
    dispose(tensors);
  }
  return read as Record<F, Float32Array>;
}
