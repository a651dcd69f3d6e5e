/** Which features images are measured by. */
import { InvalidArgumentError } from '@srmcmc/core';
import {
  classifier,
  type FeatureExtractor,
  type Inception,
  inceptionExtractor,
  type InceptionFeature,
  type InceptionPrecision,
  inceptionV3,
  pixelFeatures,
  powerSpectrumFeatures,
  type Preprocessing,
} from '@srmcmc/metrics';
import { classifierWeights } from './classifier-weights.ts';
import type { Context } from './context.ts';
import { inceptionWeights } from './inception-weights.ts';

/** The values of the flag `--features`. */
export const FEATURES = ['pixels', 'spectrum', 'classifier', '64', '192', '768', '2048'] as const;
export type FeatureName = (typeof FEATURES)[number];

export interface Features {
  /** The extractors whose features are compared. */
  readonly extractors: readonly FeatureExtractor[];
  /** The network, where there is one. */
  readonly inception?: Inception;
  /** Whether a network's logits are there, for a score. */
  readonly hasLogits: boolean;
  /** The classifier's, where its features are compared. */
  readonly logits?: FeatureExtractor;
  dispose(): void;
}

export interface FeatureOptions {
  readonly weights?: string | undefined;
  readonly features?: FeatureName | undefined;
  readonly resize: Preprocessing;
  /** Of Inception's products. */
  readonly inceptionPrecision: InceptionPrecision;
  /** SHA-256 that the file of weights must have. */
  readonly weightsHash?: string | undefined;
  /** Whether the logits are read too, where the weights have them. */
  readonly wantsLogits: boolean;
}

/** Settings of Inception where nothing is said. */
export const INCEPTION_DEFAULTS = { resize: 'torch-fidelity', inceptionPrecision: 'float32' } as const;
/** Images that go through Inception together. */
export const INCEPTION_BATCH = 16;
export const LOGITS = 'logitsUnbiased';

/**
 * The extractors for images of a shape: with weights those of Inception, its deepest feature unless one is named;
 * otherwise pixels and power spectra.
 *
 * @throws InvalidArgumentError for features of a network without weights, and weights without such features; what
 * `inceptionWeights` and `inceptionV3` throw.
 */
export async function openFeatures(
  context: Context,
  shape: readonly number[],
  {
    weights: path,
    features,
    resize,
    inceptionPrecision: precision,
    weightsHash,
    wantsLogits,
  }: FeatureOptions,
): Promise<Features> {
  const ofImages = features === 'pixels' || features === 'spectrum';
  if ((ofImages || features === 'classifier') && path !== undefined) {
    throw new InvalidArgumentError('weights', `are for the features of Inception, not for ${features}`);
  }
  if (path === undefined) {
    requireNoInceptionFlags({ resize, inceptionPrecision: precision, weightsHash });
  }
  if (features === 'classifier') {
    const { features: extractor, logits, dispose } = classifier(await classifierWeights(context));
    return { extractors: [extractor], logits, hasLogits: wantsLogits, dispose };
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
  const weights = await inceptionWeights(context, path, weightsHash);
  const deepest = weights.features.filter((feature) => typeof feature === 'number').at(-1)!;
  const feature = features === undefined ? deepest : (Number(features) as InceptionFeature);
  const hasLogits = wantsLogits && weights.features.includes(LOGITS);
  const wanted: InceptionFeature[] = hasLogits ? [feature, LOGITS] : [feature];
  const inception = inceptionV3(weights, { features: wanted, preprocessing: resize, precision });
  const extractors = [inceptionExtractor(inception, feature, { batchSize: INCEPTION_BATCH })];
  return { extractors, inception, hasLogits, dispose: () => inception.dispose() };
}

/** Settings of Inception have no effect without it. */
function requireNoInceptionFlags(
  flags: Pick<FeatureOptions, 'resize' | 'inceptionPrecision' | 'weightsHash'>,
): void {
  const unset = { ...INCEPTION_DEFAULTS, weightsHash: undefined };
  const given = (Object.keys(unset) as (keyof typeof unset)[]).find((field) => flags[field] !== unset[field]);
  if (given === undefined) return;
  throw new InvalidArgumentError(given, 'is for the features of Inception: give --weights, or leave it out');
}
