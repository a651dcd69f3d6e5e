/** Waiting for a backend that computes behind JavaScript's back. */
import * as tf from '@tensorflow/tfjs-core';

/** Returns when the tensor has been computed: its last element is read. */
export function awaitTensor(tensor: tf.Tensor): void {
  const last = tensor.shape.map((size) => size - 1);
  const one = tensor.shape.map(() => 1);
  tf.tidy(() => tf.slice(tensor, last, one).dataSync());
}
