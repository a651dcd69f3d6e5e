/** Features in coordinates in which a short run answers about alike to every component of θ. */
import * as tf from '@tensorflow/tfjs-core';
import { dispose, type Key, uniform } from '@srmcmc/core';
import { type Features, functionFeatures } from '@srmcmc/energy';
import { cholesky, inverse } from '../theory/linear-algebra.ts';

/** Added to G, relative to its diagonal: the counts of a histogram add up to 1, so that G alone is singular. */
const RIDGE = 0.01;

export interface Conditioned extends Features {
  /** θ for the features as they were, of θ for these: the same energy up to a constant. */
  plain(theta: tf.Tensor1D): tf.Tensor1D;
  /** The inverse of `plain`. */
  conditioned(theta: tf.Tensor1D): tf.Tensor1D;
}

/**
 * L⁻¹ (h − E_data[h]) for G = L Lᵀ. G = E[∂h/∂x (∂h/∂x)ᵀ] is, to first order in the drift ε, what K steps make of θ:
 * ∂E_q[h]/∂θ = εK G. Learning in these coordinates is Newton's method in those of h, and ⟨θ, h⟩ with any θ is the same
 * family of energies. The expectation is over `places` [m, ...event].
 *
 * Borrows the features, and `data` [n, ...event] and the places while it works.
 */
export async function conditioned(
  features: Features,
  data: tf.Tensor,
  places: tf.Tensor,
): Promise<Conditioned> {
  const { eventShape, names } = features;
  const product = tf.tidy(() => {
    const gradients = names.map((_, j) => {
      const sum = (x: tf.Tensor): tf.Scalar => tf.sum(tf.slice(features.apply(x), [0, j], [-1, 1]));
      return tf.reshape(tf.grad(sum)(places), [-1]);
    });
    const all = tf.stack(gradients) as tf.Tensor2D;
    return tf.div<tf.Tensor2D>(tf.matMul(all, all, false, true), places.shape[0]!);
  });
  const G = await product.array();
  product.dispose();
  const L = cholesky(G.map((row, i) => row.map((value, j) => (i === j ? value * (1 + RIDGE) : value))));
  const [factor, change, centre] = tf.tidy(() => [
    tf.transpose(tf.tensor2d(L)),
    tf.transpose(tf.tensor2d(inverse(L))),
    tf.mean(features.apply(data), 0),
  ]) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor1D];
  const times = (matrix: tf.Tensor2D, theta: tf.Tensor1D): tf.Tensor1D =>
    tf.tidy(() => tf.squeeze<tf.Tensor1D>(tf.matMul(matrix, tf.expandDims<tf.Tensor2D>(theta, 1)), [1]));
  return {
    ...functionFeatures({
      eventShape,
      dimension: names.length,
      apply: (x) => tf.matMul(tf.sub<tf.Tensor2D>(features.apply(x), centre), change),
    }),
    plain: (theta) => times(change, theta),
    conditioned: (theta) => times(factor, theta),
    dispose: () => dispose([factor, change, centre]),
  };
}

/** Images on the way from uniform noise to the data, which the first short runs go, [n, ...event]. */
export function onTheWay(data: tf.Tensor, n: number, key: Key): tf.Tensor {
  return tf.tidy(() => {
    const eventShape = data.shape.slice(1);
    const share = tf.reshape(tf.linspace(0, 1, n), [n, ...eventShape.map(() => 1)]);
    const noise = uniform(eventShape).sample(key, n);
    return tf.add(noise, tf.mul(share, tf.sub(tf.slice(data, 0, n), noise)));
  });
}
