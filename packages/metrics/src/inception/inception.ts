/** Inception-v3 as a feature extractor, on whatever tfjs backend is active. */
import * as tf from '@tensorflow/tfjs-core';
import { InvalidArgumentError, MissingWeightsError, requireBackend } from '@srmcmc/core';
import type { FeatureSource } from '../features/feature-set.ts';
import type { Affine } from './folding.ts';
import { type Branches, type Convolution, CLASSES, type Layer, type Pool, STAGES } from './network.ts';
import { convolution, type InceptionPrecision, requirePrecision } from './precision.ts';
import {
  type ImageBatch,
  preprocess,
  type Preprocessing,
  PREPROCESSINGS,
  requireImages,
  requireImageShape,
} from './preprocessing.ts';
import type { InceptionFeature, InceptionWeights } from './weights.ts';

export interface InceptionOptions<F extends InceptionFeature> {
  /** Layers after the deepest one are not computed. Default: the deepest of 2048, 768, 192, 64 that the weights give. */
  readonly features?: readonly F[];
  /** Default: `torch-fidelity`, which is what the graph itself does. */
  readonly preprocessing?: Preprocessing;
  /** Default: `float32`. */
  readonly precision?: InceptionPrecision;
}

export interface Inception<F extends InceptionFeature = InceptionFeature> {
  readonly wanted: readonly F[];
  /** How features come about; statistics of features compare where it is equal. */
  source(feature: F): FeatureSource;
  /**
   * The features of one batch, `[n, 64]`, `[n, 192]`, `[n, 768]`, `[n, 2048]` or `[n, 1008]`: means over the pixels of a
   * layer's output. The images are borrowed, the features the caller's. A tensor's values are not read back for a
   * check; they must lie in 0 to 255.
   *
   * @throws InvalidShapeError for images that are grey, have an alpha channel, or have a side below 8 pixels;
   * InvalidArgumentError for floats outside 0 to 255.
   */
  features(images: ImageBatch | tf.Tensor4D): Readonly<Record<F, tf.Tensor2D>>;
  /** Frees the weights' tensors. */
  dispose(): void;
}

/**
 * Builds the network with its weights as tensors of the active backend, 87 MB for all of it.
 *
 * ```ts
 * const inception = inceptionV3(await loadInceptionWeights('pt_inception-2015-12-05-6726825d.pth'));
 * const { 2048: features } = inception.features({ values: bytes, shape: [n, 32, 32, 3] });
 * ```
 *
 * @throws MissingWeightsError where the weights end before a feature that is asked for; InvalidArgumentError for
 * unknown features, and for mixed precision where the backend has none; MissingBackendError.
 */
export function inceptionV3<F extends InceptionFeature = InceptionFeature>(
  weights: InceptionWeights,
  options: InceptionOptions<F> = {},
): Inception<F> {
  requireBackend();
  const { preprocessing = 'torch-fidelity', precision = 'float32' } = options;
  if (!PREPROCESSINGS.includes(preprocessing)) {
    throw new InvalidArgumentError(
      'preprocessing',
      `one of ${PREPROCESSINGS.join(', ')}, got '${preprocessing}'`,
    );
  }
  requirePrecision(precision);
  const wanted = options.features ?? [deepest(weights) as F];
  requireFeatures(weights, wanted);
  const convolutions = new Map(
    [...weights.convolutions].map(([name, affine]) => [name, affineTensors(affine)]),
  );
  const layers: Layers = { convolutions, precision };
  const depth = 1 + Math.max(...wanted.map((feature) => stageOf(feature)));
  const classifier =
    wanted.some((feature) => typeof feature === 'string') && weights.classifier !== undefined
      ? affineTensors(weights.classifier)
      : undefined;

  const forward = (input: tf.Tensor4D): Record<F, tf.Tensor2D> => {
    const found: Partial<Record<InceptionFeature, tf.Tensor2D>> = {};
    let x = input;
    for (const { feature, layers: chain } of STAGES.slice(0, depth)) {
      x = apply(chain, '', x, layers);
      found[feature] = tf.mean(x, [1, 2]) as tf.Tensor2D;
    }
    if (classifier !== undefined) {
      const unbiased = tf.matMul<tf.Tensor2D>(found[2048]!, classifier.weight as tf.Tensor2D);
      found.logitsUnbiased = unbiased;
      found.logits = tf.add<tf.Tensor2D>(unbiased, classifier.bias);
    }
    return Object.fromEntries(wanted.map((feature) => [feature, found[feature]!])) as Record<F, tf.Tensor2D>;
  };

  return {
    wanted,
    source: (feature) => ({
      name: `inception-v3-2015-12-05/${feature}`,
      weights: weights.sha256,
      resize: preprocessing,
      precision,
    }),
    features(images) {
      if (images instanceof tf.Tensor) requireImageShape(images.shape);
      else requireImages(images);
      return tf.tidy(() => forward(preprocess(imageTensor(images), preprocessing)));
    },
    dispose() {
      for (const { weight, bias } of convolutions.values()) tf.dispose([weight, bias]);
      if (classifier !== undefined) tf.dispose([classifier.weight, classifier.bias]);
    },
  };
}

interface AffineTensors {
  readonly weight: tf.Tensor;
  readonly bias: tf.Tensor1D;
}

interface Layers {
  readonly convolutions: ReadonlyMap<string, AffineTensors>;
  readonly precision: InceptionPrecision;
}

function affineTensors({ weight, shape, bias }: Affine): AffineTensors {
  // Kept, so that a tidy round the caller's program does not dispose of them.
  return { weight: tf.keep(tf.tensor(weight, [...shape])), bias: tf.keep(tf.tensor1d(bias)) };
}

function imageTensor(images: ImageBatch | tf.Tensor4D): tf.Tensor4D {
  if (images instanceof tf.Tensor) return images;
  const values = images.values instanceof Float32Array ? images.values : Float32Array.from(images.values);
  return tf.tensor4d(values, images.shape as [number, number, number, number]);
}

/** Each layer's input is disposed of when its output is there, but for the chain's own. */
function apply(chain: readonly Layer[], prefix: string, input: tf.Tensor4D, layers: Layers): tf.Tensor4D {
  let x = input;
  for (const layer of chain) {
    const y = applyLayer(layer, prefix, x, layers);
    if (x !== input) x.dispose();
    x = y;
  }
  return x;
}

function applyLayer(layer: Layer, prefix: string, x: tf.Tensor4D, layers: Layers): tf.Tensor4D {
  switch (layer.kind) {
    case 'convolution':
      return convolve(layer, prefix, x, layers);
    case 'branches':
      return join(layer, layer.name === '' ? prefix : `${layer.name}.`, x, layers);
    default:
      return pool(layer, x);
  }
}

function convolve(layer: Convolution, prefix: string, x: tf.Tensor4D, layers: Layers): tf.Tensor4D {
  const { stride, padding } = layer;
  const name = prefix + layer.name;
  const { weight: filter, bias } = layers.convolutions.get(name)!;
  return convolution(name, { x, filter, bias, stride, padding }, layers.precision);
}

function join({ branches }: Branches, prefix: string, x: tf.Tensor4D, layers: Layers): tf.Tensor4D {
  const outputs = branches.map((branch) => apply(branch, prefix, x, layers));
  const joined = tf.concat(outputs, -1);
  tf.dispose(outputs);
  return joined;
}

function pool({ kind, stride, padding }: Pool, x: tf.Tensor4D): tf.Tensor4D {
  return kind === 'max' ? tf.maxPool(x, 3, stride, padding) : tf.avgPool(x, 3, stride, padding);
}

/** Index of the last stage that a feature needs. */
function stageOf(feature: InceptionFeature): number {
  return typeof feature === 'string'
    ? STAGES.length - 1
    : STAGES.findIndex((stage) => stage.feature === feature);
}

function deepest(weights: InceptionWeights): InceptionFeature {
  return weights.features.filter((feature) => typeof feature === 'number').at(-1)!;
}

function requireFeatures(weights: InceptionWeights, wanted: readonly InceptionFeature[]): void {
  const known: readonly InceptionFeature[] = [
    ...STAGES.map(({ feature }) => feature),
    'logits',
    'logitsUnbiased',
  ];
  const unknown = wanted.find((feature) => !known.includes(feature));
  if (unknown !== undefined || wanted.length === 0) {
    throw new InvalidArgumentError('features', `some of ${known.join(', ')}, got ${unknown ?? 'none'}`);
  }
  const beyond = wanted.find((feature) => !weights.features.includes(feature));
  if (beyond !== undefined) {
    throw new MissingWeightsError(
      `feature ${beyond} needs ${weights.missing[0]}, which ${weights.file} lacks along with ` +
        `${weights.missing.length - 1} more layers: take features ${weights.features.join(', ')}, or weights of the ` +
        'whole network',
    );
  }
}

/** Number of elements of a feature. */
export function dimensionOf(feature: InceptionFeature): number {
  return typeof feature === 'string' ? CLASSES : feature;
}
