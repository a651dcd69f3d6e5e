/** What an optimizer is: its state in the open, so that a checkpoint holds all of it. */
import type * as tf from '@tensorflow/tfjs-core';
import { InvalidArgumentError } from '@srmcmc/core';

export type Variables = Readonly<Record<string, tf.Variable>>;
export type Tensors = Readonly<Record<string, tf.Tensor>>;

export interface OptimizerState {
  /** Updates made so far. */
  readonly step: number;
  /** Tensors by name, to be saved and restored as they are. */
  readonly moments: Tensors;
}

/** Descends a gradient. */
export interface Optimizer {
  init(variables: Variables): OptimizerState;
  /**
   * Assigns the variables their next values and returns the next state. The old state is used up: its moments may have
   * been disposed of, so that the next ones take their memory. After an error all is as it was.
   */
  update(variables: Variables, gradients: Tensors, state: OptimizerState): OptimizerState;
}

/**
 * Names, variables and their gradients.
 *
 * @throws InvalidArgumentError for a variable without a gradient.
 */
export function withGradients(
  variables: Variables,
  gradients: Tensors,
): [name: string, variable: tf.Variable, gradient: tf.Tensor][] {
  return Object.entries(variables).map(([name, variable]) => {
    const gradient = gradients[name];
    if (gradient === undefined) throw new InvalidArgumentError('gradients', `has none for '${name}'`);
    return [name, variable, gradient];
  });
}
