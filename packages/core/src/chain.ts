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

/** One number a step, averaged over the chains. */
export interface Trace {
  /** Mean f(x) where the step began, [K]. */
  readonly value: tf.Tensor1D;
  /** Mean Euclidean norm of ∂f/∂x there, [K]; Table 2 of the paper reports its mean. */
  readonly gradientNorm: tf.Tensor1D;
  /** Mean acceptance probability, [K], of kernels with a Metropolis test. */
  readonly acceptance?: tf.Tensor1D;
  /** Mean ΔH/T, [K], of kernels that follow Hamiltonian dynamics. */
  readonly energyError?: tf.Tensor1D;
  /** Positions after the asked-for steps, each [n, ...event]. */
  readonly snapshots: readonly tf.Tensor[];
}

export interface ChainResult {
  /** [n, ...event]. */
  readonly x: tf.Tensor;
  readonly trace: Trace;
}
