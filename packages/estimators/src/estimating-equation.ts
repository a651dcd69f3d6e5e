/** The generalized estimating equation: any h(x; θ) in the place of ∂f/∂θ (Nijkamp et al. 2019, section 4). */
import * as tf from '@tensorflow/tfjs-core';
import {
  type Energy,
  InvalidArgumentError,
  InvalidShapeError,
  requireEvents,
  throwIfCancelled,
  tidy,
} from '@srmcmc/core';
import type { Estimator } from './moment-matching.ts';

export interface EstimatingEquationOptions {
  /**
   * h(x; θ) of events [n, ...event]: for every variable of the energy, by its name, [n, ...shape of the variable].
   * Called inside tf.tidy.
   */
  readonly h: (x: tf.Tensor, energy: Energy) => Readonly<Record<string, tf.Tensor>>;
  /**
   * Which equation is solved:
   * - `moments`, unless given: E_q[h(x; θ)] = E_data[h(x; θ)], by adding E_data[h] − E_q[h] to θ.
   * - `samples`: E_q[h(x; θ)] = 0, by subtracting it: h is what is measured less its target.
   * - `data`: E_data[h(x; θ)] = 0, by adding it, as a score function is added. The samples do not matter.
   */
  readonly equation?: 'moments' | 'samples' | 'data';
}

/**
 * The estimator that drives a mean of h to its place; with `robbinsMonro` its root is found through the noise of the
 * samples. h = ∂f/∂θ and `moments` give `momentMatching`. Steps must lead to the root: for `moments` and `samples`
 * E_q[h] has to rise with θ near it, for `data` E_data[h] has to fall; turn the sign of h otherwise.
 *
 * Its `estimate` rejects with InvalidArgumentError where h lacks a variable of the energy or has another, and with
 * InvalidShapeError where it has another shape.
 */
export function estimatingEquation({ h, equation = 'moments' }: EstimatingEquationOptions): Estimator {
  if (!['moments', 'samples', 'data'].includes(equation)) {
    throw new InvalidArgumentError('equation', `one of moments, samples, data, got '${equation}'`);
  }
  return {
    name: 'estimating-equation',
    estimate: async (energy, data, samples, { signal } = {}) => {
      requireEvents('data', data, energy.eventShape);
      requireEvents('samples', samples, energy.eventShape);
      throwIfCancelled(signal);
      return tidy(() => {
        const ofData = equation === 'samples' ? {} : meansOf(h, data, energy);
        const ofSamples = equation === 'data' ? {} : meansOf(h, samples, energy);
        const gradients = Object.entries(energy.variables).map(([name, variable]) => {
          const zero = tf.zeros(variable.shape);
          return [name, tf.sub(ofSamples[name] ?? zero, ofData[name] ?? zero)] as const;
        });
        return {
          gradients: Object.fromEntries(gradients),
          dataValue: tf.mean(energy.negativeEnergy(data)) as tf.Scalar,
          sampleValue: tf.mean(energy.negativeEnergy(samples)) as tf.Scalar,
        };
      });
    },
  };
}

/** The mean of h over the events, by the names of the variables. */
function meansOf(
  h: EstimatingEquationOptions['h'],
  x: tf.Tensor,
  energy: Energy,
): Readonly<Record<string, tf.Tensor>> {
  const each = h(x, energy);
  const names = Object.keys(energy.variables);
  const found = Object.keys(each);
  if (found.length !== names.length || !names.every((name) => found.includes(name))) {
    throw new InvalidArgumentError('h', `gives [${found.join(', ')}], but θ is [${names.join(', ')}]`);
  }
  return Object.fromEntries(
    names.map((name) => {
      const expected = [x.shape[0]!, ...energy.variables[name]!.shape];
      if (each[name]!.shape.join() !== expected.join()) {
        throw new InvalidShapeError(`h(x).${name}`, expected, each[name]!.shape);
      }
      return [name, tf.mean(each[name]!, 0)];
    }),
  );
}
