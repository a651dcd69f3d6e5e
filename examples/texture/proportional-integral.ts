/** An optimizer for persistent chains, whose samples lag behind θ. */
import * as tf from '@tensorflow/tfjs-core';
import { InvalidArgumentError } from '@srmcmc/core';
import type { Optimizer } from '@srmcmc/estimators';

export interface ProportionalIntegralOptions {
  /** λ. */
  readonly proportional: number;
  /** γ. */
  readonly integral: number;
}

/**
 * θ_t = I_t − λ g_t with I_t = I_{t−1} − γ g_t, g the gradient. The integral I alone is gradient descent, with which a
 * persistent chain swings about the moments that it is to match. The proportional part damps that, as the penalty of the
 * method of multipliers does: it is the gradient of −λ|h(x) − h_obs|²/2 in the chain's energy (Hestenes 1969; An et al.
 * 2018).
 *
 * @throws InvalidArgumentError for a variable without a gradient.
 */
export function proportionalIntegral({ proportional, integral }: ProportionalIntegralOptions): Optimizer {
  return {
    init: (variables) => ({
      step: 0,
      moments: Object.fromEntries(
        Object.entries(variables).map(([name, variable]) => [name, variable.clone()]),
      ),
    }),
    update: (variables, gradients, state) => {
      const moments = tf.tidy(() => {
        const next = Object.entries(variables).map(([name, variable]) => {
          const gradient = gradients[name];
          if (gradient === undefined) throw new InvalidArgumentError('gradients', `has none for '${name}'`);
          const sum = tf.sub(state.moments[name]!, tf.mul(gradient, integral));
          variable.assign(tf.sub(sum, tf.mul(gradient, proportional)));
          return [name, sum] as const;
        });
        return Object.fromEntries(next);
      });
      return { step: state.step + 1, moments };
    },
  };
}
