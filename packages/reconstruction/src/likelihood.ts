/** How far a generated sample is from what was observed. */
import * as tf from '@tensorflow/tfjs-core';
import { InvalidArgumentError, InvalidShapeError } from '@srmcmc/core';

export interface Loss {
  /** One number a sample, [n]. */
  readonly value: tf.Tensor1D;
  /** Its gradient in x, [n, ...event]. */
  readonly grad: tf.Tensor;
}

/** A negative log-likelihood of the observation given the sample, up to a constant. Inputs are borrowed. */
export type Likelihood = (x: tf.Tensor, observed: tf.Tensor) => Loss;

/** ‖x − M(z)‖², the paper's (Nijkamp et al. 2019, 3.4): Gaussian noise on every element. */
export function squaredError(): Likelihood {
  return (x, observed) => {
    const difference = tf.sub(x, observed);
    return { value: sumOverEvent(tf.square(difference)), grad: tf.mul(difference, 2) };
  };
}

/**
 * Σ √(d² + scale²) − scale over the elements' differences d: near |d|, for noise with outliers, and smooth at 0
 * (Charbonnier et al. 1994).
 */
export function absoluteError({ scale = 0.01 }: { scale?: number } = {}): Likelihood {
  if (!(scale > 0)) throw new InvalidArgumentError('scale', `must be positive, got ${scale}`);
  return (x, observed) => {
    const difference = tf.sub(x, observed);
    const size = tf.sqrt(tf.add(tf.square(difference), scale ** 2));
    return { value: sumOverEvent(tf.sub(size, scale)), grad: tf.div(difference, size) };
  };
}

/**
 * Only what `mask` [...event] or [n, ...event] shows counts: 1 where the observation is known, 0 where it is to be
 * filled in; numbers between are weights. `mask` is borrowed for as long as the likelihood is used.
 */
export function masked(mask: tf.Tensor, likelihood: Likelihood = squaredError()): Likelihood {
  return (x, observed) => {
    const fits =
      mask.rank <= x.rank && mask.shape.every((size, i) => [1, x.shape.at(i - mask.rank)].includes(size));
    if (!fits) throw new InvalidShapeError('mask', x.shape.slice(1), mask.shape);
    // Where nothing is known the observation says what the sample says.
    const known = tf.add(tf.mul(mask, observed), tf.mul(tf.sub(1, mask), x));
    const { value, grad } = likelihood(x, known);
    return { value, grad: tf.mul(grad, mask) };
  };
}

function sumOverEvent(x: tf.Tensor): tf.Tensor1D {
  return tf.sum(tf.reshape(x, [x.shape[0]!, -1]), 1);
}
