/** One MCMC step as a pure function, state and report apart: the shape that blackjax gives its kernels. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Energy } from './energy.ts';
import type { Key } from './key.ts';

/** What a chain carries from step to step. Kernels extend it; every tensor in it belongs to the state. */
export interface KernelState {
  /** Positions, [n, ...event]. */
  readonly x: tf.Tensor;
  /** How many steps were made: the index of schedules, and the counter of the next step's noise. */
  readonly step: number;
}

/** What one step tells, measured where the step began. */
export interface KernelInfo {
  /** f(x), [n]. */
  readonly value: tf.Tensor1D;
  /** The Euclidean norm of ∂f/∂x of each chain, [n]. */
  readonly gradientNorm: tf.Tensor1D;
  /** The Metropolis acceptance probability, [n]; absent where there is no such test. */
  readonly acceptance?: tf.Tensor1D;
  /** ΔH/T over the trajectory, [n], infinite where it is not a number; of kernels that follow Hamiltonian dynamics. */
  readonly energyError?: tf.Tensor1D;
}

/** Reports that not every kernel makes. */
export type OptionalReport = 'acceptance' | 'energyError';

export interface TransitionKernel<S extends KernelState = KernelState> {
  readonly name: string;
  /** Whether p is exactly invariant: false for Langevin without a Metropolis test. */
  readonly calibrated: boolean;
  /** The state at x, which is borrowed. */
  init(energy: Energy, x: tf.Tensor): S;
  /**
   * The next state and a report, made of new tensors; `state` is borrowed. The noise of chain i is a pure
   * function of (key, state.step, i). Without a key the noise is off.
   */
  step(energy: Energy, state: S, key?: Key): { state: S; info: KernelInfo };
  /**
   * Jᵀ v, J the derivative of the next positions in `state.x` with the noise as it is for this key (none without one);
   * v is [n, ...event]. Inputs are borrowed. Absent where a step is not differentiable.
   */
  pullback?(energy: Energy, state: S, v: tf.Tensor, key?: Key): tf.Tensor;
  /** Why there is no pullback, for the error that says so. */
  readonly undifferentiable?: string;
  /** How a backend that runs all steps at once finds its kernel; see `shortRun`. */
  readonly fused?: FusedSampler;
}

/** A backend kernel that runs K steps in one call, and the attributes that describe this transition kernel. */
export interface FusedSampler {
  readonly kernelName: string;
  /** What it reports besides f and the norm of its gradient, in its order; nothing unless given. */
  readonly reports?: readonly OptionalReport[];
  /** For K steps of events of this shape. */
  attributes(steps: number, eventShape: readonly number[]): Record<string, tf.Attribute>;
}
