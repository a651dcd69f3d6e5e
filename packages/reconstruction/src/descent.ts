/** Minimising many functions of a latent at once, one a row: what the methods have in common. */
import type * as tf from '@tensorflow/tfjs-core';

export interface Evaluation {
  /** One number a row, [n]. */
  readonly value: tf.Tensor1D;
  /** [n, d]. */
  readonly grad: tf.Tensor2D;
}

/** Row i of a result depends on row i of z [n, d] alone. Results are the caller's. */
export interface Objective {
  evaluate(z: tf.Tensor2D): Evaluation;
  /** The values alone, [n], which cost less. */
  valueAt(z: tf.Tensor2D): tf.Tensor1D;
}

/** Where a descent is, and the objective there. Methods extend it; every tensor in it belongs to the state. */
export interface DescentState extends Evaluation {
  readonly z: tf.Tensor2D;
  /** Steps made. */
  readonly iteration: number;
}

/** One step as a pure function: `state` is borrowed, the next one is made of new tensors. */
export interface DescentMethod<S extends DescentState = DescentState> {
  readonly name: string;
  init(objective: Objective, z: tf.Tensor2D): S;
  step(objective: Objective, state: S): Promise<S> | S;
}
