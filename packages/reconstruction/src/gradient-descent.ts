/** Gradient descent, with momentum where asked for. */
import * as tf from '@tensorflow/tfjs-core';
import { InvalidArgumentError, type Schedule, tidy, valueAt } from '@srmcmc/core';
import type { DescentMethod, DescentState } from './descent.ts';

export interface GradientDescentOptions {
  /** The step size, at an iteration or for all of them; 0.1 unless given. */
  readonly rate?: Schedule;
  /** β of v ← β v + g, z ← z − rate · v (Polyak 1964); 0, plain descent, unless given. */
  readonly momentum?: number;
}

interface MomentumState extends DescentState {
  readonly velocity: tf.Tensor2D;
}

/** @throws InvalidArgumentError for a rate that is not positive or a momentum outside [0, 1). */
export function gradientDescent(options: GradientDescentOptions = {}): DescentMethod<MomentumState> {
  const { rate = 0.1, momentum = 0 } = options;
  if (!(momentum >= 0 && momentum < 1)) {
    throw new InvalidArgumentError('momentum', `must be in [0, 1), got ${momentum}`);
  }
  const rateAt = (iteration: number): number => {
    const value = valueAt(rate, iteration, 'rate');
    if (value <= 0) throw new InvalidArgumentError('rate', `must be positive, got ${value}`);
    return value;
  };
  rateAt(0);
  return {
    name: momentum === 0 ? 'gradient descent' : 'momentum',
    init: (objective, z) => ({
      ...objective.evaluate(z),
      z: z.clone(),
      iteration: 0,
      velocity: tf.zerosLike(z),
    }),
    step: (objective, state) =>
      tidy(() => {
        const velocity = tf.add(tf.mul(state.velocity, momentum), state.grad) as tf.Tensor2D;
        const z = tf.sub(state.z, tf.mul(velocity, rateAt(state.iteration))) as tf.Tensor2D;
        return { ...objective.evaluate(z), z, iteration: state.iteration + 1, velocity };
      }),
  };
}
