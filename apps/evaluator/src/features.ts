/** Which features images are measured by, and reading them in one pass over the images. */
import { InvalidArgumentError } from '@srmcmc/core';
import {
  describeWeights,
  extractFeatures,
  type FeatureExtractor,
  type FeatureSet,
  featureSet,
  type Inception,
  inceptionExtractor,
  type InceptionFeature,
  inceptionV3,
  loadInceptionWeights,
  pixelFeatures,
  powerSpectrumFeatures,
  type Preprocessing,
} from '@srmcmc/metrics';
import type { Context } from './context.ts';
import type { ImageSet } from './image-set.ts';
import { progress } from './progress.ts';

/** The values of the flag `--features`. */
export const FEATURES = ['pixels', 'spectrum', '64', '192', '768', '2048'] as const;
export type FeatureName = (typeof FEATURES)[number];

export interface Features {
  /** The extractors whose features are compared. */
  readonly extractors: readonly FeatureExtractor[];
  /** The network, where there is one. */
  readonly inception?: Inception;
  /** Whether the network's logits are there, for the Inception Score. */
  readonly hasLogits: boolean;
  dispose(): void;
}

export interface FeatureOptions {
  readonly weights?: string | undefined;
  readonly features?: FeatureName | undefined;
  readonly resize: Preprocessing;
  /** Whether the logits are read too, where the weights have them. */
  readonly wantsLogits: boolean;
}

/** Images that go through Inception together. */
const INCEPTION_BATCH = 16;
const LOGITS = 'logitsUnbiased';

/**
 * The extractors for images of a shape: with weights those of Inception, its deepest feature unless one is named;
 * otherwise pixels and power spectra.
 *
 * @throws InvalidArgumentError for features of a network without weights, and weights without such features; what
 * `loadInceptionWeights` and `inceptionV3` throw.
 */
export async function openFeatures(
  context: Context,
  shape: readonly number[],
  { weights: path, features, resize, wantsLogits }: FeatureOptions,
): Promise<Features> {
  const ofImages = features === 'pixels' || features === 'spectrum';
  if (ofImages && path !== undefined) {
    throw new InvalidArgumentError('weights', `are for the features of a network, not for ${features}`);
  }
  if (path === undefined) {
    if (features !== undefined && !ofImages) {
      throw new InvalidArgumentError(
        'weights',
        `features ${features} are Inception's: give the file of its weights`,
      );
    }
    const all = { pixels: () => pixelFeatures({ shape }), spectrum: () => powerSpectrumFeatures({ shape }) };
    const extractors = ofImages ? [all[features]()] : [all.pixels(), all.spectrum()];
    return { extractors, hasLogits: false, dispose: () => undefined };
  }
  const weights = await loadInceptionWeights(path);
  context.stderr.write(`${describeWeights(weights)}\n`);
  const deepest = weights.features.filter((feature) => typeof feature === 'number').at(-1)!;
  const feature = features === undefined ? deepest : (Number(features) as InceptionFeature);
  const hasLogits = wantsLogits && weights.features.includes(LOGITS);
  const wanted: InceptionFeature[] = hasLogits ? [feature, LOGITS] : [feature];
  const inception = inceptionV3(weights, { features: wanted, preprocessing: resize });
  const extractors = [inceptionExtractor(inception, feature, { batchSize: INCEPTION_BATCH })];
  return { extractors, inception, hasLogits, dispose: () => inception.dispose() };
}

export interface ReadFeatures {
  /** One set for each extractor. */
  readonly sets: readonly FeatureSet[];
  readonly logits?: FeatureSet;
}

/** The features of all images; a model's samples are drawn once. Tells progress on stderr. */
export async function readFeatures(
  context: Context,
  images: ImageSet,
  noun: string,
  { extractors, inception, hasLogits }: Features,
  options: { readonly logits: boolean },
): Promise<ReadFeatures> {
  const line = progress(context.stderr, noun, images.count);
  const sources = extractors.map(({ source, dimension }) => ({ source, dimension }));
  const withLogits = options.logits && hasLogits;
  const parts: (Float32Array | Float64Array)[][] = [...sources, LOGITS].map(() => []);
  try {
    for await (const batch of images.batches(line.at)) {
      context.signal.throwIfAborted();
      if (inception === undefined) {
        for (const [i, extractor] of extractors.entries()) parts[i]!.push(await extractor.features(batch));
        continue;
      }
      // The network runs once for its features and logits.
      const [feature] = inception.wanted as readonly [InceptionFeature];
      for await (const { features } of extractFeatures(inception, [batch], { batchSize: INCEPTION_BATCH })) {
        parts[0]!.push(features[feature]);
        if (withLogits) parts[1]!.push(features[LOGITS]);
      }
    }
  } finally {
    line.end();
  }
  const sets = sources.map(({ source, dimension }, i) => featureSet(joined(parts[i]!), dimension, source));
  if (!withLogits) return { sets };
  const logits = joined(parts[1]!);
  return { sets, logits: featureSet(logits, logits.length / images.count, inception!.source(LOGITS)) };
}

function joined(parts: readonly (Float32Array | Float64Array)[]): Float32Array | Float64Array {
  const size = parts.reduce((sum, { length }) => sum + length, 0);
  const all = parts[0] instanceof Float64Array ? new Float64Array(size) : new Float32Array(size);
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
