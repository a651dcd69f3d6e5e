/** Stochastic approximation (Robbins and Monro 1951), and the average of its iterates (Polyak and Juditsky 1992). */
import * as tf from '@tensorflow/tfjs-core';
import { dispose, InvalidArgumentError, requireInteger, type Schedule } from '@srmcmc/core';
import { type Optimizer, type OptimizerState, updatesOf, type Variables } from './optimizer.ts';

export interface RobbinsMonroSteps {
  /** a. */
  readonly scale: number;
  /** b, which keeps the first steps small. Default: 0. */
  readonly offset?: number;
  /** α, in (1/2, 1]. Default: 1. */
  readonly exponent?: number;
}

export interface RobbinsMonroOptions extends RobbinsMonroSteps {
  /** Updates before the average of the iterates begins; none is kept unless given. For exponents below 1. */
  readonly averageAfter?: number;
}

/**
 * γ_t = a / (t + b)^α for the updates t = 1, 2, ..., which index 0, 1, ... of the schedule. The steps add up to
 * infinity, so that every root can be reached, and their squares do not, so that the noise dies out.
 *
 * @throws InvalidArgumentError for α outside (1/2, 1], where one of the two fails; for a scale that is not positive, or
 * a negative offset.
 */
export function robbinsMonroSteps({ scale, offset = 0, exponent = 1 }: RobbinsMonroSteps): Schedule {
  if (!(scale > 0 && Number.isFinite(scale))) {
    throw new InvalidArgumentError('scale', `must be positive, got ${scale}`);
  }
  if (!(offset >= 0 && Number.isFinite(offset))) {
    throw new InvalidArgumentError('offset', `must not be negative, got ${offset}`);
  }
  if (!(exponent > 0.5 && exponent <= 1)) {
    const why =
      exponent > 1 ? 'the steps add up to a finite number' : 'the squares of the steps add up to infinity';
    throw new InvalidArgumentError(
      'exponent',
      `must be above 1/2 and at most 1, got ${exponent}: ${why} otherwise`,
    );
  }
  return (index) => scale / (index + 1 + offset) ** exponent;
}

/** The ending of the averages' names. */
const AVERAGE = '.average';

/**
 * θ ← θ − γ_t · gradient. With `averageAfter` the mean of the later iterates is kept beside θ: it converges at the best
 * rate for any exponent below 1, and `assignAverage` puts it in θ's place.
 *
 * @throws what `robbinsMonroSteps` throws. An update throws InvalidArgumentError for a gradient or average that is lacking
 * or cannot be used, and InvalidShapeError for one of another shape.
 */
export function robbinsMonro({ averageAfter, ...steps }: RobbinsMonroOptions): Optimizer {
  const stepAt = robbinsMonroSteps(steps) as (index: number) => number;
  if (averageAfter !== undefined) requireInteger('averageAfter', averageAfter, 0);
  return {
    init: (variables) => {
      const averages =
        averageAfter === undefined
          ? []
          : Object.entries(variables).map(([name, variable]) => [name + AVERAGE, variable.clone()] as const);
      return { step: 0, moments: Object.fromEntries(averages) };
    },
    update: (variables, gradients, state) => {
      const size = stepAt(state.step);
      const step = state.step + 1;
      const endings = averageAfter === undefined ? [] : [AVERAGE];
      const updates = updatesOf(variables, gradients, state, endings);
      const moments = tf.tidy(() => {
        const next: Record<string, tf.Tensor> = {};
        for (const {
          name,
          variable,
          gradient,
          moments: [old],
        } of updates) {
          variable.assign(tf.sub(variable, tf.mul(gradient, size)));
          if (averageAfter === undefined || old === undefined) continue;
          const weight = 1 / Math.max(1, step - averageAfter);
          // Of one iterate so far, the average is that one.
          next[name + AVERAGE] = tf.add(old, tf.mul(tf.sub(variable, old), weight));
        }
        return next;
      });
      dispose(state.moments);
      return { step, moments };
    },
  };
}

/**
 * Assigns the variables the averages of their iterates.
 *
 * @throws InvalidArgumentError for a state without them: `averageAfter` was not given.
 */
export function assignAverage(variables: Variables, state: OptimizerState): void {
  const averages = Object.keys(variables).map((name) => state.moments[name + AVERAGE]);
  if (averages.includes(undefined)) {
    throw new InvalidArgumentError('state', 'holds no averages: give robbinsMonro an averageAfter');
  }
  Object.values(variables).forEach((variable, i) => variable.assign(averages[i]!));
}
