/** Waiting for a backend that computes behind JavaScript's back. */
import * as tf from '@tensorflow/tfjs-core';

/** Returns when the tensor has been computed: one element of it is read. */
export function awaitTensor(tensor: tf.Tensor): void {
  tf.tidy(() => tf.slice(tf.reshape(tensor, [-1]), [tensor.size - 1], [1]).dataSync());
}
