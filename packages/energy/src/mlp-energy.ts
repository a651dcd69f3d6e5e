/** Multi-layer perceptrons as energies, for points in one or two dimensions and other small problems. */
import * as tf from '@tensorflow/tfjs-core';
import {
  type ActivationSpec,
  type Energy,
  fromFunction,
  InvalidArgumentError,
  type Key,
  type MlpNetworkSpec,
  requireBackend,
  requireEvents,
  requireInteger,
} from '@srmcmc/core';
import { activation as activationOf } from './activations.ts';
import { withFusedGradients } from './fused.ts';
import { type AffineLayer, hessianVectorProduct } from './hessian.ts';
import { layerName, layerVariables } from './weights.ts';

export interface MlpEnergyOptions {
  /** D, the dimension of a point. */
  readonly dimension: number;
  /** Units of every layer but the last, which has one. */
  readonly hidden: readonly number[];
  /** Swish unless given: smooth, so that its gradient field has no kinks. */
  readonly activation?: ActivationSpec;
  /** Decides the initial weights. */
  readonly key: Key;
}

export interface MlpEnergy extends Energy {
  readonly network: MlpNetworkSpec;
  dispose(): void;
}

/**
 * f(x) for points [n, dimension]: dense layers with biases, the activation after all but the last.
 *
 * @throws InvalidArgumentError for sizes that are not positive integers.
 */
export function mlpEnergy({ dimension, hidden, activation: spec, key }: MlpEnergyOptions): MlpEnergy {
  requireInteger('dimension', dimension, 1);
  if (!hidden.every((units) => Number.isSafeInteger(units) && units > 0)) {
    throw new InvalidArgumentError('hidden', `must list positive integers, got [${hidden.join(', ')}]`);
  }
  const sizes = [dimension, ...hidden, 1];
  const activation = activationOf(spec ?? { name: 'swish' });
  requireBackend();
  const variables = Object.assign(
    {},
    ...sizes.slice(1).map((units, i) => layerVariables(key, i, [sizes[i]!, units])),
  ) as Record<string, tf.Variable>;
  const last = sizes.length - 2;
  const layers = Array.from({ length: last + 1 }, (_, i): AffineLayer => {
    const weight = variables[`${layerName(i)}.weight`] as tf.Variable<tf.Rank.R2>;
    const bias = variables[`${layerName(i)}.bias`]!;
    const linear = (x: tf.Tensor): tf.Tensor => tf.matMul(x as tf.Tensor2D, weight);
    return {
      affine: (x) => tf.add(linear(x), bias),
      linear,
      transposed: (dy) => tf.matMul(dy as tf.Tensor2D, weight, false, true),
    };
  });
  const negativeEnergy = (x: tf.Tensor): tf.Tensor1D => {
    requireEvents('x', x, [dimension]);
    return tf.tidy(() => {
      const h = layers.reduce((input, { affine }, i) => {
        const pre = affine(input);
        return i < last ? activation.apply(pre) : pre;
      }, x);
      return tf.reshape(h, [x.shape[0]!]) as tf.Tensor1D;
    });
  };
  return withFusedGradients({
    ...fromFunction(negativeEnergy, [dimension], variables),
    hessianVectorProduct: (x, v) => {
      requireEvents('x', x, [dimension]);
      return hessianVectorProduct(layers, activation, x, v);
    },
    network: { kind: 'mlp', sizes, activation: activation.spec },
    dispose: () => {
      for (const variable of Object.values(variables)) variable.dispose();
    },
  });
}
