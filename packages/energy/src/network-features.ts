/** Deep FRAME's features: the responses of a trained ConvNet (Lu, Zhu and Wu 2016). */
import * as tf from '@tensorflow/tfjs-core';
import { InvalidArgumentError, requireEvents } from '@srmcmc/core';
import { activation as activationOf } from './activations.ts';
import type { ConvEnergy } from './conv-energy.ts';
import type { Features } from './features.ts';
import { layerName } from './weights.ts';

export interface NetworkFeaturesOptions {
  /** Layers whose channels are the features: 1 is the first convolution. Default: the last but one. */
  readonly layers?: readonly number[];
}

/**
 * h(x): the mean over positions of every channel of these layers, after the activation. The net, from a checkpoint or a
 * state dict by `energyOf` and `loadStateDict`, is borrowed: its weights are fixed features here and must stay.
 *
 * @throws InvalidArgumentError for layers that the net has not.
 */
export function networkFeatures(net: ConvEnergy, options: NetworkFeaturesOptions = {}): Features {
  const { network, variables } = net;
  const depth = network.layers.length;
  const { layers = [Math.max(1, depth - 1)] } = options;
  const distinct = new Set(layers).size === layers.length;
  if (layers.length === 0 || !distinct || !layers.every((layer) => isWithin(layer, depth))) {
    throw new InvalidArgumentError(
      'layers',
      `must be distinct and from 1 to ${depth}, got [${layers.join(', ')}]`,
    );
  }
  const wanted = [...layers].sort((a, b) => a - b);
  const activation = activationOf(network.activation);
  const [height, width] = network.imageShape;
  return {
    eventShape: network.imageShape,
    positions: height * width,
    names: wanted.flatMap((layer) =>
      Array.from({ length: network.layers[layer - 1]!.outChannels }, (_, k) => `layer ${layer} channel ${k}`),
    ),
    apply: (x) => {
      requireEvents('x', x, network.imageShape);
      return tf.tidy(() => {
        const means: tf.Tensor2D[] = [];
        let input = x as tf.Tensor4D;
        for (let i = 0; i < wanted.at(-1)!; i++) {
          const { stride, padding } = network.layers[i]!;
          const weight = variables[`${layerName(i)}.weight`] as tf.Variable<tf.Rank.R4>;
          const pre = tf.add(tf.conv2d(input, weight, stride, padding), variables[`${layerName(i)}.bias`]!);
          input = (i === depth - 1 ? pre : activation.apply(pre)) as tf.Tensor4D;
          if (wanted.includes(i + 1)) means.push(tf.mean(input, [1, 2]));
        }
        return tf.concat(means, 1);
      });
    },
    dispose: () => undefined,
  };
}

function isWithin(layer: number, depth: number): boolean {
  return Number.isSafeInteger(layer) && layer >= 1 && layer <= depth;
}
