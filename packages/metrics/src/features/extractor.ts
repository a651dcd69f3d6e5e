/** From images to features, of any network or none. */
import { setImmediate as turn } from 'node:timers/promises';
import type { ImageBatch } from '../inception/preprocessing.ts';
import { RunningStatistics, type FeatureStatistics } from '../statistics/running.ts';
import { type FeatureSet, featureSet, type FeatureSource } from './feature-set.ts';

/** Computes features of images, each on its own. */
export interface FeatureExtractor {
  readonly source: FeatureSource;
  /** d. */
  readonly dimension: number;
  /** Of images [n, height, width, channels], 0 to 255: [n, d], row-major. */
  features(images: ImageBatch): Promise<Float32Array | Float64Array>;
}

export interface CollectOptions {
  /** Called after each batch with the number of images done. */
  readonly onProgress?: (images: number) => void;
  readonly signal?: AbortSignal;
}

type Images = AsyncIterable<ImageBatch> | Iterable<ImageBatch>;

/**
 * The mean and the covariance of images' features; memory does not grow with the number of images.
 *
 * @throws what the extractor and `RunningStatistics` throw; the signal's reason when it is aborted.
 */
export async function collectStatistics(
  extractor: FeatureExtractor,
  images: Images,
  options: CollectOptions = {},
): Promise<FeatureStatistics> {
  const statistics = new RunningStatistics(extractor.dimension, extractor.source);
  for await (const features of batchesOf(extractor, images, options)) statistics.add(features);
  return statistics.result();
}

/**
 * All features of all images, for measures that need them: the kernel distance, neighbours, and the score.
 *
 * @throws what the extractor and `featureSet` throw; the signal's reason when it is aborted.
 */
export async function collectFeatures(
  extractor: FeatureExtractor,
  images: Images,
  options: CollectOptions = {},
): Promise<FeatureSet> {
  const { dimension, source } = extractor;
  const batches: (Float32Array | Float64Array)[] = [];
  for await (const features of batchesOf(extractor, images, options)) batches.push(features);
  const size = batches.reduce((sum, { length }) => sum + length, 0);
  const isDouble = batches.some((batch) => batch instanceof Float64Array);
  const values = isDouble ? new Float64Array(size) : new Float32Array(size);
  let offset = 0;
  for (const batch of batches) {
    values.set(batch, offset);
    offset += batch.length;
  }
  return featureSet(values, dimension, source);
}

async function* batchesOf(extractor: FeatureExtractor, images: Images, options: CollectOptions) {
  const { onProgress, signal } = options;
  let done = 0;
  for await (const batch of images) {
    signal?.throwIfAborted();
    yield await extractor.features(batch);
    onProgress?.((done += batch.shape[0]!));
    await turn();
  }
}
