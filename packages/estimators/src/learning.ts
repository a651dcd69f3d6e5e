/** Algorithm 1 of the paper, one iteration at a time: state in, state and diagnostics out. */
import * as tf from '@tensorflow/tfjs-core';
import {
  type AsyncOptions,
  dispose,
  type Energy,
  type Key,
  nonNegativeAt,
  normal,
  requireEvents,
  type Schedule,
  split,
  throwIfCancelled,
  tidy,
  type Trace,
} from '@srmcmc/core';
import type { Optimizer, OptimizerState } from './optimizer.ts';
import type { ChainMemory, ChainPolicy } from './chains.ts';
import type { Estimator } from './moment-matching.ts';

/** What learns, and how. */
export interface Learner {
  readonly energy: Energy;
  readonly chains: ChainPolicy;
  readonly estimator: Estimator;
  readonly optimizer: Optimizer;
  /** σ of the noise added to the data, indexed by the iteration; 0.03 in the paper. */
  readonly smoothing?: Schedule;
}

/** All that goes on from one iteration to the next, besides the variables of the energy. */
export interface LearningState {
  readonly iteration: number;
  readonly optimizer: OptimizerState;
  readonly chains: ChainMemory;
}

export interface LearningStep {
  readonly state: LearningState;
  /** x⁻, [m, ...event]. */
  readonly samples: tf.Tensor;
  readonly trace: Trace;
  /** Mean f(x⁺) and mean f(x⁻). Their difference hovers about 0 in healthy learning. */
  readonly dataValue: tf.Scalar;
  readonly sampleValue: tf.Scalar;
}

/** The state before the first iteration. */
export function initialState({ energy, chains, optimizer }: Learner, key: Key): LearningState {
  return { iteration: 0, optimizer: optimizer.init(energy.variables), chains: chains.init(key) };
}

/**
 * One iteration of Algorithm 1 (Nijkamp et al. 2019): x⁺ = data + N(0, σ²), x⁻ ~ q by the chain policy, then one
 * optimizer update on the estimator's gradient. It takes its turn with the rest of the program, off the JavaScript
 * thread where the backend can; `onProgress` is told the share of the chains' steps that is made.
 *
 * `data` [m, ...event] is borrowed until the promise settles; the result is the caller's. `state` is borrowed where the
 * promise is rejected, and used up where an iteration was made: the optimizer's moments have been disposed of then, and
 * nothing else of it is of use. The variables of the energy are assigned their next values, the one effect besides. The
 * caller gives each iteration a key of its own.
 *
 * @throws CancelledError, as a rejection, soon after the signal's abort: the iteration is then not made, the variables
 * are as they were, and no tensor is left behind.
 */
export async function learningStep(
  learner: Learner,
  state: LearningState,
  data: tf.Tensor,
  key: Key,
  { signal, onProgress }: AsyncOptions = {},
): Promise<LearningStep> {
  const { energy, chains, estimator, optimizer, smoothing = 0 } = learner;
  requireEvents('data', data, energy.eventShape);
  const sigma = nonNegativeAt(smoothing, state.iteration, 'smoothing');
  const [smoothingKey, chainKey] = split(key) as [Key, Key];
  const drawn = await chains.sample(energy, data, state.chains, chainKey, { signal, onProgress });
  try {
    const positive = tidy(() =>
      sigma === 0 ? data.clone() : tf.add(data, tf.mul(normal(smoothingKey, data.shape), sigma)),
    );
    const { gradients, dataValue, sampleValue } = await estimator
      .estimate(energy, positive, drawn.x, { signal })
      .finally(() => positive.dispose());
    try {
      throwIfCancelled(signal);
      const next = optimizer.update(energy.variables, gradients, state.optimizer);
      return {
        state: { iteration: state.iteration + 1, optimizer: next, chains: drawn.memory },
        samples: drawn.x,
        trace: drawn.trace,
        dataValue,
        sampleValue,
      };
    } catch (error) {
      dispose([dataValue, sampleValue]);
      throw error;
    } finally {
      dispose(gradients);
    }
  } catch (error) {
    dispose([drawn.x, drawn.trace, drawn.memory]);
    throw error;
  }
}
