/**
 * The leapfrog (velocity Verlet) integrator of Hamiltonian dynamics (Neal 2011, section 2.3):
 *
 *     r ← r + (ε/2) Lᵀ f'(x),   x ← x + ε L r,   r ← r + (ε/2) Lᵀ f'(x),   L Lᵀ = M⁻¹
 *
 * It keeps the volume of phase space, is undone by itself after r ← −r, and errs in the energy by O(ε²). The
 * momentum is whitened, r = Lᵀ p, so that its kinetic energy is |r|²/2 whatever the mass.
 */
import * as tf from '@tensorflow/tfjs-core';
import { dispose, type Energy, tidy, type ValueAndGrad } from '@srmcmc/core';
import type { MassFactor } from './mass.ts';

/** A point of phase space, and f(x) [n] and f'(x) [n, ...event] there. */
export interface PhasePoint extends ValueAndGrad {
  /** [n, ...event]. */
  readonly x: tf.Tensor;
  /** r = Lᵀ p, [n, ...event]; of unit variance in equilibrium at temperature 1. */
  readonly momentum: tf.Tensor;
}

export interface LeapfrogOptions {
  /** ε: one for all chains, or one for each, [n, 1, ...]. */
  readonly stepSize: number | tf.Tensor;
  readonly steps: number;
  readonly factor: MassFactor;
}

/** Where the trajectory from `start`, which is borrowed, ends; one gradient a step. */
export function leapfrog(energy: Energy, start: PhasePoint, options: LeapfrogOptions): PhasePoint {
  const { stepSize, steps, factor } = options;
  let point = start;
  for (let i = 0; i < steps; i++) {
    const next = tidy(() => {
      const half = tf.mul(stepSize, 0.5);
      const kick = (momentum: tf.Tensor, grad: tf.Tensor): tf.Tensor =>
        tf.add(momentum, tf.mul(factor.applyTransposed(grad), half));
      const middle = kick(point.momentum, point.grad);
      const x = tf.add(point.x, tf.mul(factor.apply(middle), stepSize));
      const { value, grad } = energy.valueAndGrad(x);
      return { x, momentum: kick(middle, grad), value, grad };
    });
    if (point !== start) dispose(point);
    point = next;
  }
  return point;
}
