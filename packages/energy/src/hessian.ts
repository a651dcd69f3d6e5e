/** Hessian-vector products of networks, written out: the derivative of the gradient along v. */
import * as tf from '@tensorflow/tfjs-core';
import type { Activation } from './activations.ts';

/** A layer before its activation. */
export interface AffineLayer {
  /** W x + b. */
  affine(x: tf.Tensor): tf.Tensor;
  /** W x. */
  linear(x: tf.Tensor): tf.Tensor;
  /** Wᵀ dy, of the shape of the layer's input. */
  transposed(dy: tf.Tensor, inputShape: number[]): tf.Tensor;
}

interface Stored {
  readonly inputShape: number[];
  readonly pre: tf.Tensor;
  readonly post: tf.Tensor;
  /** The derivative of `pre` along v. */
  readonly preAlong: tf.Tensor;
}

/**
 * ∂²f/∂x² v of f the layers in turn, the activation after all but the last, whose outputs are summed; x and v are
 * [n, ...event]. One pass forward and one back, each with the derivative along v beside it (Pearlmutter 1994). Zero
 * where the activation is piecewise linear.
 */
export function hessianVectorProduct(
  layers: readonly AffineLayer[],
  activation: Activation,
  x: tf.Tensor,
  v: tf.Tensor,
): tf.Tensor {
  const { curvature } = activation;
  if (curvature === undefined) return tf.zerosLike(x);
  return tf.tidy(() => {
    const stored: Stored[] = [];
    let [input, along] = [x, v];
    for (const layer of layers.slice(0, -1)) {
      const pre = layer.affine(input);
      const preAlong = layer.linear(along);
      const post = activation.apply(pre);
      stored.push({ inputShape: input.shape, pre, post, preAlong });
      [input, along] = [post, activation.pullback(preAlong, pre, post)];
    }
    const last = layers.at(-1)!;
    // The last layer is affine: its gradient does not change along v.
    let gradient = last.transposed(tf.onesLike(last.affine(input)), input.shape);
    let gradientAlong = tf.zerosLike(gradient);
    for (let i = stored.length - 1; i >= 0; i--) {
      const { inputShape, pre, post, preAlong } = stored[i]!;
      const bend = tf.mul(curvature(pre, post), tf.mul(preAlong, gradient));
      const steady = activation.pullback(gradientAlong, pre, post);
      gradientAlong = layers[i]!.transposed(tf.add(bend, steady), inputShape);
      if (i > 0) gradient = layers[i]!.transposed(activation.pullback(gradient, pre, post), inputShape);
    }
    return gradientAlong;
  });
}
