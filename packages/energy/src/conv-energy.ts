/** Convolutional energies: the paper's nets and their relatives, with an explicit backward pass. */
import * as tf from '@tensorflow/tfjs-core';
import {
  type ActivationSpec,
  type ConvLayerSpec,
  type ConvNetworkSpec,
  type Energy,
  type Key,
  requireBackend,
  requireEvents,
} from '@srmcmc/core';
import { type Activation, activation as activationOf } from './activations.ts';
import { convNetwork } from './conv-network.ts';
import { withFusedGradients } from './fused.ts';
import { type AffineLayer, hessianVectorProduct } from './hessian.ts';
import { layerName, layerVariables } from './weights.ts';

export interface ConvEnergyOptions {
  /** [side, side, channels]; [32, 32, 3] for CIFAR-10. */
  readonly imageShape: readonly [number, number, number];
  /** Output channels of every layer but the last; `paperChannels` gives the paper's. */
  readonly channels: readonly number[];
  /** LeakyReLU of slope 0.2 unless given. */
  readonly activation?: ActivationSpec;
  /** Decides the initial weights. */
  readonly key: Key;
}

export interface ConvEnergy extends Energy {
  readonly network: ConvNetworkSpec;
  dispose(): void;
}

interface Layer {
  readonly spec: ConvLayerSpec;
  /** [kernel, kernel, in, out]. */
  readonly weight: tf.Variable<tf.Rank.R4>;
  /** [out]. */
  readonly bias: tf.Variable<tf.Rank.R1>;
}

/** What one layer's backward pass needs: its input, and its output before and after the activation. */
interface Stored {
  readonly input: tf.Tensor4D;
  readonly pre: tf.Tensor4D;
  readonly post: tf.Tensor4D;
}

/**
 * f(x) for images [n, side, side, channels] (Nijkamp et al. 2019, 7.4): conv 3×3, then conv 4×4 stride 2 for
 * each further number of channels, then one number; biases everywhere, the activation after all but the last.
 *
 * `valueAndGrad` and `parameterGrads` are single calls where the backend has kernels for them. Elsewhere they are written
 * out rather than taped: they keep one tensor a layer.
 *
 * @throws InvalidArgumentError for shapes or channels that do not fit together.
 */
export function convEnergy(options: ConvEnergyOptions): ConvEnergy {
  const activation = activationOf(options.activation ?? { name: 'leakyRelu' });
  const network = convNetwork(options.imageShape, options.channels, activation.spec);
  requireBackend();
  const variables = Object.assign(
    {},
    ...network.layers.map(({ kernel, inChannels, outChannels }, i) =>
      layerVariables(options.key, i, [kernel, kernel, inChannels, outChannels]),
    ),
  ) as Record<string, tf.Variable>;
  const layers = network.layers.map((spec, i): Layer => ({
    spec,
    weight: variables[`${layerName(i)}.weight`] as tf.Variable<tf.Rank.R4>,
    bias: variables[`${layerName(i)}.bias`] as tf.Variable<tf.Rank.R1>,
  }));
  const last = layers.length - 1;

  const forward = (x: tf.Tensor): { value: tf.Tensor1D; stored: Stored[] } => {
    requireEvents('x', x, network.imageShape);
    const stored: Stored[] = [];
    let input = x as tf.Tensor4D;
    layers.forEach((layer, i) => {
      const entry = applyLayer(layer, input, i === last ? undefined : activation);
      stored.push(entry);
      input = entry.post;
    });
    return { value: tf.reshape(input, [x.shape[0]!]), stored };
  };

  return withFusedGradients({
    eventShape: network.imageShape,
    network,
    variables,
    negativeEnergy: (x) => tf.tidy(() => forward(x).value),
    valueAndGrad: (x) =>
      tf.tidy(() => {
        const { value, stored } = forward(x);
        let dy = outputCotangent(tf.ones([x.shape[0]!]));
        for (let i = last; i >= 0; i--) {
          const { input, pre, post } = stored[i]!;
          const dPre = i === last ? dy : activation.pullback(dy, pre, post);
          dy = inputGradient(layers[i]!, input.shape, dPre as tf.Tensor4D);
        }
        return { value, grad: dy };
      }),
    parameterGrads: (x, weights) =>
      tf.tidy(() => {
        const { value, stored } = forward(x);
        const gradients: Record<string, tf.Tensor> = {};
        let dy = outputCotangent(weights);
        for (let i = last; i >= 0; i--) {
          const { input, pre, post } = stored[i]!;
          const dPre = (i === last ? dy : activation.pullback(dy, pre, post)) as tf.Tensor4D;
          gradients[`${layerName(i)}.weight`] = filterGradient(layers[i]!, input, dPre);
          gradients[`${layerName(i)}.bias`] = tf.sum(dPre, [0, 1, 2]);
          if (i > 0) dy = inputGradient(layers[i]!, input.shape, dPre);
        }
        return { value, gradients };
      }),
    hessianVectorProduct: (x, v) => {
      requireEvents('x', x, network.imageShape);
      return hessianVectorProduct(layers.map(affineLayer), activation, x, v);
    },
    dispose: () => {
      for (const variable of Object.values(variables)) variable.dispose();
    },
  });
}

function applyLayer(
  { spec, weight, bias }: Layer,
  x: tf.Tensor4D,
  activation: Activation | undefined,
): Stored {
  const convolution = { x, filter: weight, strides: spec.stride, pad: spec.padding, bias };
  if (activation?.fused !== undefined) {
    const { name, alpha } = activation.fused;
    const post = tf.fused.conv2d({
      ...convolution,
      activation: name,
      ...(alpha === undefined ? {} : { leakyreluAlpha: alpha }),
    });
    return { input: x, pre: post, post };
  }
  const pre = tf.fused.conv2d(convolution);
  return { input: x, pre, post: activation === undefined ? pre : (activation.apply(pre) as tf.Tensor4D) };
}

function affineLayer(layer: Layer): AffineLayer {
  const { spec, weight, bias } = layer;
  const convolution = { filter: weight, strides: spec.stride, pad: spec.padding };
  return {
    affine: (x) => tf.fused.conv2d({ x: x as tf.Tensor4D, ...convolution, bias }),
    linear: (x) => tf.fused.conv2d({ x: x as tf.Tensor4D, ...convolution }),
    transposed: (dy, inputShape) => inputGradient(layer, inputShape, dy as tf.Tensor4D),
  };
}

function outputCotangent(weights: tf.Tensor1D): tf.Tensor4D {
  return tf.reshape(weights, [-1, 1, 1, 1]);
}

function inputGradient({ spec, weight }: Layer, inputShape: number[], dy: tf.Tensor4D): tf.Tensor4D {
  return tf.conv2dTranspose(
    dy,
    weight,
    inputShape as [number, number, number, number],
    spec.stride,
    spec.padding,
  ) as tf.Tensor4D;
}

/** ∂/∂weight by the backend's kernel, for which tfjs has no public operator. */
function filterGradient({ spec, weight }: Layer, x: tf.Tensor4D, dy: tf.Tensor4D): tf.Tensor {
  const attributes = {
    strides: [spec.stride, spec.stride],
    pad: spec.padding,
    dataFormat: 'NHWC',
    filterShape: weight.shape,
  };
  return tf
    .engine()
    .runKernel(tf.Conv2DBackpropFilter, { x, dy }, attributes as unknown as tf.NamedAttrMap) as tf.Tensor;
}
