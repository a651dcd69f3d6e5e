/** What an optimizer is: its state in the open, so that a checkpoint holds all of it. */
import type * as tf from '@tensorflow/tfjs-core';
import { InvalidArgumentError, InvalidShapeError } from '@srmcmc/core';

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
   * Assigns the variables their next values and returns the next state. The old state is used up: its moments are disposed
   * of, so that the next ones can take their memory. What is refused changes nothing.
   */
  update(variables: Variables, gradients: Tensors, state: OptimizerState): OptimizerState;
}

/** A variable with all that its update reads. */
export interface Updated {
  readonly name: string;
  readonly variable: tf.Variable;
  readonly gradient: tf.Tensor;
  /** In the order of their names' endings. */
  readonly moments: readonly tf.Tensor[];
}

/**
 * What an update reads, by variable; `endings` are those of the names of a variable's moments.
 *
 * @throws InvalidArgumentError for a gradient or moment that is lacking, disposed of or given twice; InvalidShapeError for
 * one of another shape than its variable.
 */
export function updatesOf(
  variables: Variables,
  gradients: Tensors,
  { moments }: OptimizerState,
  endings: readonly string[],
): Updated[] {
  const seen = new Set<tf.Tensor>(Object.values(gradients));
  return Object.entries(variables).map(([name, variable]) => {
    const gradient = gradients[name];
    if (gradient === undefined) throw new InvalidArgumentError('gradients', `has none for '${name}'`);
    if (gradient.isDisposed) {
      throw new InvalidArgumentError('gradients', `have been disposed of ('${name}')`);
    }
    requireShape(`gradients['${name}']`, gradient, variable);
    const own = endings.map((ending) => {
      const moment = moments[name + ending];
      if (moment === undefined) throw new InvalidArgumentError('state', `has no moment '${name + ending}'`);
      if (moment.isDisposed) {
        const why = 'an update uses its state up, and returns the next one';
        throw new InvalidArgumentError('state', `has been disposed of ('${name + ending}'): ${why}`);
      }
      if (seen.has(moment)) {
        throw new InvalidArgumentError(
          'state',
          `has a tensor twice ('${name + ending}'): each needs its own`,
        );
      }
      seen.add(moment);
      requireShape(`state.moments['${name + ending}']`, moment, variable);
      return moment;
    });
    return { name, variable, gradient, moments: own };
  });
}

function requireShape(field: string, { shape }: tf.Tensor, variable: tf.Variable): void {
  if (shape.join() !== variable.shape.join()) throw new InvalidShapeError(field, variable.shape, shape);
}
