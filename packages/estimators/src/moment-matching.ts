/** The estimating equation of short-run MCMC: match the moments of data and samples. */
import * as tf from '@tensorflow/tfjs-core';
import {
  type AsyncOptions,
  dispose,
  type Energy,
  InvalidShapeError,
  requireEvents,
  tidy,
} from '@srmcmc/core';

export interface Estimate {
  /** Gradients of the loss mean f(x⁻) − mean f(x⁺), to be descended, by the names in `energy.variables`. */
  readonly gradients: Readonly<Record<string, tf.Tensor>>;
  /** Mean f(x⁺), a scalar. */
  readonly dataValue: tf.Scalar;
  /** Mean f(x⁻), a scalar. */
  readonly sampleValue: tf.Scalar;
}

/** Turns data and samples into a gradient. Inputs are borrowed, outputs are the caller's. */
export interface Estimator {
  readonly name: string;
  /** Rejects with a CancelledError after the signal's abort, at the latest when it is done. */
  estimate(energy: Energy, data: tf.Tensor, samples: tf.Tensor, options?: AsyncOptions): Promise<Estimate>;
}

/**
 * Δ(θ) = mean ∂f(x⁺)/∂θ − mean ∂f(x⁻)/∂θ (Nijkamp et al. 2019, eq. 6), with the sign of a loss. At Δ(θ) = 0 the
 * samples match the data in the moments of ∂f/∂θ; it is the likelihood's gradient only where x⁻ comes from p itself.
 * Data [m, ...event] and samples [n, ...event] go through the net together, in one pass.
 */
export const momentMatching: Estimator = {
  name: 'moment-matching',
  estimate: async (energy, data, samples, options) => {
    requireEvents('data', data, energy.eventShape);
    requireEvents('samples', samples, energy.eventShape);
    const m = data.shape[0]!;
    const n = samples.shape[0]!;
    const [x, weights] = tidy((): [tf.Tensor, tf.Tensor1D] => [
      tf.concat([data, samples]),
      tf.concat([tf.fill([m], -1 / m), tf.fill([n], 1 / n)]) as tf.Tensor1D,
    ]);
    try {
      const { value, gradients } = energy.parameterGradsAsync
        ? await energy.parameterGradsAsync(x, weights, options)
        : energy.parameterGrads(x, weights);
      if (value.shape[0] !== m + n) {
        dispose([value, gradients]);
        throw new InvalidShapeError('f(x)', [m + n], value.shape);
      }
      const means = tidy(() => ({
        dataValue: tf.mean(tf.slice(value, [0], [m])) as tf.Scalar,
        sampleValue: tf.mean(tf.slice(value, [m], [n])) as tf.Scalar,
      }));
      value.dispose();
      return { gradients, ...means };
    } finally {
      dispose([x, weights]);
    }
  },
};
