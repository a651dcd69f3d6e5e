/** tf.tidy and tf.dispose for the records that this project passes around. */
import * as tf from '@tensorflow/tfjs-core';

/** tf.tidy, whose types refuse readonly interfaces: disposes every tensor made in `compute` but not returned. */
export function tidy<T>(compute: () => T): T {
  return tf.tidy(compute as unknown as () => tf.TensorContainer) as unknown as T;
}

/** Disposes every tensor found in a record, an array or a nest of them. */
export function dispose(container: object): void {
  tf.dispose(container as unknown as tf.TensorContainer);
}
