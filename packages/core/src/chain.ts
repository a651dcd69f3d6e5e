/** What chains are run with, and what comes of them. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Energy } from './energy.ts';
import type { KernelState, TransitionKernel } from './kernel.ts';

export interface ChainOptions<S extends KernelState = KernelState> {
  readonly energy: Energy;
  readonly kernel: TransitionKernel<S>;
  /** K, the number of steps. */
  readonly steps: number;
  /** Steps (1 .. K) after which the positions are kept, in increasing order. */
  readonly snapshots?: readonly number[];
}

/** One number a step, averaged over the chains, measured before the step moves them. */
export interface Trace {
  /** Mean f(x), [K]. */
  readonly value: tf.Tensor1D;
  /** Mean Euclidean norm of ∂f/∂x, [K]; Table 2 of the paper reports its mean. */
  readonly gradientNorm: tf.Tensor1D;
  /** Positions after the asked-for steps, each [n, ...event]. */
  readonly snapshots: readonly tf.Tensor[];
}

export interface ChainResult {
  /** [n, ...event]. */
  readonly x: tf.Tensor;
  readonly trace: Trace;
}
