/** Adam on latents. */
import * as tf from '@tensorflow/tfjs-core';
import { InvalidArgumentError, type Schedule, tidy, valueAt } from '@srmcmc/core';
import type { DescentMethod, DescentState } from './descent.ts';

export interface AdamOptions {
  /** The learning rate, at an iteration or for all of them; 0.05 unless given. */
  readonly rate?: Schedule;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
}

interface AdamState extends DescentState {
  readonly first: tf.Tensor2D;
  readonly second: tf.Tensor2D;
}

/**
 * Adam (Kingma and Ba 2015), element by element, so that rows stay independent.
 *
 * @throws InvalidArgumentError for a rate that is not positive or decay rates outside [0, 1).
 */
export function adam(options: AdamOptions = {}): DescentMethod<AdamState> {
  const { rate = 0.05, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
  for (const [field, decay] of Object.entries({ beta1, beta2 })) {
    if (!(decay >= 0 && decay < 1)) throw new InvalidArgumentError(field, `must be in [0, 1), got ${decay}`);
  }
  if (!(valueAt(rate, 0, 'rate') > 0)) throw new InvalidArgumentError('rate', 'must be positive');
  return {
    name: 'adam',
    init: (objective, z) => ({
      ...objective.evaluate(z),
      z: z.clone(),
      iteration: 0,
      first: tf.zerosLike(z),
      second: tf.zerosLike(z),
    }),
    step: (objective, state) =>
      tidy(() => {
        const iteration = state.iteration + 1;
        const first = average(state.first, state.grad, beta1);
        const second = average(state.second, tf.square(state.grad), beta2);
        const scale = tf.add(tf.sqrt(tf.div(second, 1 - beta2 ** iteration)), epsilon);
        const stepSize = valueAt(rate, state.iteration, 'rate') / (1 - beta1 ** iteration);
        const z = tf.sub(state.z, tf.mul(tf.div(first, scale), stepSize)) as tf.Tensor2D;
        return { ...objective.evaluate(z), z, iteration, first, second };
      }),
  };
}

function average(old: tf.Tensor2D, value: tf.Tensor2D, decay: number): tf.Tensor2D {
  return tf.add(tf.mul(old, decay), tf.mul(value, 1 - decay));
}
