/** Adam (Kingma and Ba 2015). */
import * as tf from '@tensorflow/tfjs-core';
import { dispose, InvalidArgumentError, nonNegativeAt, type Schedule } from '@srmcmc/core';
import { type Optimizer, updatesOf } from './optimizer.ts';

export interface AdamOptions {
  /** 1e-4 in the paper; a schedule is indexed by the number of updates made. */
  readonly learningRate?: Schedule;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
}

/** Endings of the moments' names. */
const FIRST = '.first';
const SECOND = '.second';

/**
 * The update of torch.optim.Adam, bias corrections and place of epsilon included.
 *
 * @throws InvalidArgumentError for decay rates outside [0, 1) and a negative learning rate or epsilon. An update throws it
 * for a gradient or moment that is lacking or cannot be used, and InvalidShapeError for one of another shape.
 */
export function adam(options: AdamOptions = {}): Optimizer {
  const { learningRate = 1e-4, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
  for (const [field, rate] of Object.entries({ beta1, beta2 })) {
    if (!(rate >= 0 && rate < 1)) throw new InvalidArgumentError(field, `must be in [0, 1), got ${rate}`);
  }
  nonNegativeAt(epsilon, 0, 'epsilon');
  if (typeof learningRate !== 'function') nonNegativeAt(learningRate, 0, 'learningRate');
  return {
    init: (variables) => {
      const zeros = Object.entries(variables).flatMap(([name, variable]) => [
        [name + FIRST, tf.zeros(variable.shape)] as const,
        [name + SECOND, tf.zeros(variable.shape)] as const,
      ]);
      return { step: 0, moments: Object.fromEntries(zeros) };
    },
    update: (variables, gradients, state) => {
      const rate = nonNegativeAt(learningRate, state.step, 'learningRate');
      const step = state.step + 1;
      const stepSize = rate / (1 - beta1 ** step);
      const secondCorrection = Math.sqrt(1 - beta2 ** step);
      const updates = updatesOf(variables, gradients, state, [FIRST, SECOND]);
      const moments = tf.tidy(() => {
        const next: Record<string, tf.Tensor> = {};
        for (const { name, variable, gradient, moments: old } of updates) {
          const inputs = { variable, gradient, first: old[0]!, second: old[1]! };
          const [value, first, second] = updated(inputs, {
            beta1,
            beta2,
            stepSize,
            secondCorrection,
            epsilon,
          });
          variable.assign(value);
          next[name + FIRST] = first;
          next[name + SECOND] = second;
        }
        return next;
      });
      dispose(state.moments);
      return { step, moments };
    },
  };
}

/** The kernel that a backend may have for all of an update: one pass over memory, not eleven, and in its place. */
const ADAM_UPDATE = 'AdamUpdate';

type Update = Record<'beta1' | 'beta2' | 'stepSize' | 'secondCorrection' | 'epsilon', number>;

/** The next variable, and the next averages of its gradient and of the gradient's square. */
function updated(
  inputs: Record<'variable' | 'gradient' | 'first' | 'second', tf.Tensor>,
  update: Update,
): [value: tf.Tensor, first: tf.Tensor, second: tf.Tensor] {
  if (tf.getKernel(ADAM_UPDATE, tf.getBackend()) !== undefined) {
    return tf.engine().runKernel(ADAM_UPDATE, inputs, update) as [tf.Tensor, tf.Tensor, tf.Tensor];
  }
  const first = decay(inputs.first, inputs.gradient, update.beta1);
  const second = decay(inputs.second, tf.square(inputs.gradient), update.beta2);
  const scale = tf.add(tf.div(tf.sqrt(second), update.secondCorrection), update.epsilon);
  return [tf.sub(inputs.variable, tf.mul(tf.div(first, scale), update.stepSize)), first, second];
}

function decay(average: tf.Tensor, value: tf.Tensor, rate: number): tf.Tensor {
  return tf.add(tf.mul(average, rate), tf.mul(value, 1 - rate));
}
