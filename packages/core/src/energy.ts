/** What is climbed: the negative energy f of p(x) = exp(f(x)) / Z (Nijkamp et al. 2019, eq. 1). */
import * as tf from '@tensorflow/tfjs-core';
import type { AsyncOptions } from './async.ts';
import { requireBackend } from './backend.ts';
import { InvalidShapeError } from './errors.ts';
import type { NetworkSpec } from './network.ts';

export interface ValueAndGrad {
  /** f(x), shape [n]. */
  readonly value: tf.Tensor1D;
  /** ∂f/∂x, shape [n, ...event]. */
  readonly grad: tf.Tensor;
}

export interface ParameterGrads {
  /** f(x), shape [n]. */
  readonly value: tf.Tensor1D;
  /** The gradient for each trainable variable, by the variable's name in `variables`. */
  readonly gradients: Readonly<Record<string, tf.Tensor>>;
}

/** A negative energy over events of one shape. Its methods borrow their inputs; their outputs are the caller's. */
export interface Energy {
  /** [32, 32, 3] for a CIFAR-10 image. */
  readonly eventShape: readonly number[];
  /** f(x): [n, ...event] to [n], made of differentiable tfjs operators. A large f means a likely x. */
  negativeEnergy(x: tf.Tensor): tf.Tensor1D;
  /** f(x) and its gradient in x, one pass forward and one back. */
  valueAndGrad(x: tf.Tensor): ValueAndGrad;
  /** f(x) and the gradient in the parameters of Σ_i weights_i f(x_i); `weights` is [n]. */
  parameterGrads(x: tf.Tensor, weights: tf.Tensor1D): ParameterGrads;
  /**
   * The same in turns with the rest of the program, where the energy can; the numbers are those of `parameterGrads`.
   * Rejects with a CancelledError after the signal's abort.
   */
  parameterGradsAsync?(x: tf.Tensor, weights: tf.Tensor1D, options?: AsyncOptions): Promise<ParameterGrads>;
  /**
   * H v with H = ∂²f/∂x² of each chain; x and v are [n, ...event]. H is symmetric, so that this is Hᵀ v too. What
   * pulls gradients back through a chain: `ShortRun.pullback`.
   */
  hessianVectorProduct?(x: tf.Tensor, v: tf.Tensor): tf.Tensor;
  /** Trainable variables by their names in a checkpoint, such as `f.0.weight`. */
  readonly variables: Readonly<Record<string, tf.Variable>>;
  /** The network as plain data, where it is one: lets a backend fuse it, and goes into checkpoints. */
  readonly network?: NetworkSpec;
}

/** A bare function [n, ...event] to [n]: the log-density, up to a constant, that the chains are to climb. */
export type NegativeEnergyFunction = (x: tf.Tensor) => tf.Tensor1D;

/**
 * An Energy from a bare function, and the variables it uses where it is to be trained. Its methods throw
 * InvalidShapeError where the function does not give one number a chain.
 */
export function fromFunction(
  negativeEnergy: NegativeEnergyFunction,
  eventShape: readonly number[],
  variables: Readonly<Record<string, tf.Variable>> = {},
): Energy {
  const checked: NegativeEnergyFunction = (x) => {
    requireEvents('x', x, eventShape);
    const value = tf.tidy(() => negativeEnergy(x));
    if (value.rank !== 1 || value.shape[0] !== x.shape[0]) {
      throw new InvalidShapeError('f(x)', [x.shape[0]!], value.shape);
    }
    return value;
  };
  return {
    eventShape,
    negativeEnergy: checked,
    valueAndGrad: (x) => valueAndGradByTape(checked, x),
    parameterGrads: (x, weights) => parameterGradsByTape(checked, variables, x, weights),
    hessianVectorProduct: (x, v) => hessianVectorProductByTape(checked, x, v),
    variables,
  };
}

/** f(x) and ∂f/∂x by automatic differentiation. Chains are independent, so one pass serves all of them. */
export function valueAndGradByTape(negativeEnergy: NegativeEnergyFunction, x: tf.Tensor): ValueAndGrad {
  requireBackend();
  return tf.tidy(() => {
    const { value, grad } = tf.valueAndGrad((input: tf.Tensor) => negativeEnergy(input))(
      x,
      tf.ones([x.shape[0]!]),
    );
    return { value: value as tf.Tensor1D, grad };
  });
}

/**
 * ∂²f/∂x² v by differentiating twice: f must be made of operators whose gradients are differentiable operators again,
 * which tfjs's convolutions, matrix products and elementary functions are, and its fused operators are not.
 */
export function hessianVectorProductByTape(
  negativeEnergy: NegativeEnergyFunction,
  x: tf.Tensor,
  v: tf.Tensor,
): tf.Tensor {
  requireBackend();
  const gradient = tf.grad((input: tf.Tensor) => tf.sum(negativeEnergy(input)));
  return tf.tidy(() => tf.grad((input: tf.Tensor) => tf.sum(tf.mul(gradient(input), v)))(x));
}

/** f(x) and the gradient in `variables` of Σ_i weights_i f(x_i), by automatic differentiation. */
export function parameterGradsByTape(
  negativeEnergy: NegativeEnergyFunction,
  variables: Readonly<Record<string, tf.Variable>>,
  x: tf.Tensor,
  weights: tf.Tensor1D,
): ParameterGrads {
  requireBackend();
  const names = Object.keys(variables);
  if (names.length === 0) return { value: negativeEnergy(x), gradients: {} };
  return tf.tidy(() => {
    let value: tf.Tensor1D | undefined;
    const { grads } = tf.variableGrads(() => {
      value = tf.keep(negativeEnergy(x));
      return tf.sum(tf.mul(value, weights)) as tf.Scalar;
    }, Object.values(variables));
    const gradients = Object.fromEntries(names.map((name) => [name, grads[variables[name]!.name]!]));
    // Kept across the inner scope of variableGrads; the clone belongs to this one.
    const kept = value!.clone() as tf.Tensor1D;
    value!.dispose();
    return { value: kept, gradients };
  });
}
/** Throws InvalidShapeError unless x is [n, ...eventShape] with n of at least 1. */
export function requireEvents(field: string, x: tf.Tensor, eventShape: readonly number[]): void {
  const [n = 0, ...event] = x.shape;
  if (n < 1 || event.length !== eventShape.length || event.some((size, i) => size !== eventShape[i])) {
    throw new InvalidShapeError(field, ['n', ...eventShape], x.shape);
  }
}
