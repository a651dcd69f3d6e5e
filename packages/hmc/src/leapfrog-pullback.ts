/**
 * The derivative of leapfrog in where it starts, the momentum r fixed: the reverse of a path by Hessian-vector products.
 * With H the Hessian of f at position i < n of the path, x̄ₙ = v and r̄ₙ = ε Lᵀ v,
 *
 *     x̄ ← x̄ + ε H L r̄,   r̄ ← r̄ + ε Lᵀ x̄   for i = n − 1 .. 1,   and at last   x̄ ← x̄ + (ε/2) H L r̄
 */
import * as tf from '@tensorflow/tfjs-core';
import { type Energy, InvalidArgumentError } from '@srmcmc/core';
import { leapfrog, type LeapfrogOptions, type PhasePoint } from './leapfrog.ts';

/**
 * Jᵀ v, J the derivative in `start.x` of the position to which `leapfrog` leads; v is [n, ...event]. The path is made
 * again and its positions are kept: one gradient and one Hessian-vector product a step.
 *
 * @throws InvalidArgumentError for an energy without Hessian-vector products.
 */
export function leapfrogPullback(
  energy: Energy,
  start: PhasePoint,
  options: LeapfrogOptions,
  v: tf.Tensor,
): tf.Tensor {
  const { stepSize, steps, factor } = options;
  const product = energy.hessianVectorProduct?.bind(energy);
  if (product === undefined) {
    throw new InvalidArgumentError('energy', 'has no hessianVectorProduct, which a pullback needs');
  }
  return tf.tidy(() => {
    const path: PhasePoint[] = [start];
    while (path.length < steps) path.push(leapfrog(energy, path.at(-1)!, { ...options, steps: 1 }));
    const bend = (at: PhasePoint, r: tf.Tensor): tf.Tensor =>
      tf.mul(product(at.x, factor.apply(r)), stepSize);
    const drift = (x: tf.Tensor): tf.Tensor => tf.mul(factor.applyTransposed(x), stepSize);
    let [x, r] = [v, drift(v)];
    for (const at of path.slice(1).reverse()) {
      x = tf.add(x, bend(at, r));
      r = tf.add(r, drift(x));
    }
    return tf.add(x, tf.mul(bend(start, r), 0.5));
  });
}
