/** Reading what a backend computes behind JavaScript's back. */
import * as tf from '@tensorflow/tfjs-core';

/** Returns when the tensor has been computed: its last element is read. */
export function awaitTensor(tensor: tf.Tensor): void {
  const last = tensor.shape.map((size) => size - 1);
  const one = tensor.shape.map(() => 1);
  const element = tf.slice(tensor, last, one);
  element.dataSync();
  element.dispose();
}

/**
 * The elements of what `compute` makes. They are read outside tf.tidy, which would look for tensors among all the numbers
 * of a returned array.
 */
export function valuesOf(compute: () => tf.Tensor): Float32Array {
  const tensor = tf.tidy(compute);
  const values = Float32Array.from(tensor.dataSync());
  tensor.dispose();
  return values;
}
