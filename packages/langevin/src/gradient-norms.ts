/** What every kernel reports of a gradient. */
import * as tf from '@tensorflow/tfjs-core';

/** The Euclidean norm of each chain's gradient: [n, ...event] to [n]. */
export function gradientNorms(grad: tf.Tensor): tf.Tensor1D {
  return tf.norm(tf.reshape(grad, [grad.shape[0]!, -1]), 'euclidean', 1) as tf.Tensor1D;
}
