/** What a checkpoint holds: all that a run needs to go on bit for bit, and all that a reader needs to sample. */
import type { Key, NetworkSpec } from '@srmcmc/core';

/** One array, row-major. */
export interface CheckpointTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export type CheckpointTensors = ReadonlyMap<string, CheckpointTensor>;

/** Whatever JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** p_0 by its name and parameters; the functions of the same names are in `@srmcmc/core`. */
export type InitialSpec =
  | { readonly name: 'uniform'; readonly low: number; readonly high: number }
  | { readonly name: 'gaussian'; readonly mean: number; readonly scale: number };

/**
 * The short run that the weights were learned with, K steps from p_0. Langevin's: x ← x + drift · f'(x) + noise · U.
 * HMC's, without a Metropolis test: leapfrog steps of size √(2 · drift) at temperature noise² / (2 · drift), one of which
 * is a step of Langevin's.
 */
export interface SamplerSpec {
  readonly kernel: 'langevin' | 'hmc';
  readonly drift: number;
  readonly noise: number;
  /** L, of HMC alone. */
  readonly leapfrogSteps?: number;
  /** K. */
  readonly steps: number;
  readonly initial: InitialSpec;
}

export interface Checkpoint {
  /** Iterations of learning made so far. */
  readonly iteration: number;
  readonly network: NetworkSpec;
  readonly sampler: SamplerSpec;
  /** The weights in PyTorch's layout under their own names, as `toStateDict` of `@srmcmc/energy` gives them. */
  readonly weights: CheckpointTensors;
  /** The optimizer's updates and its moments, in the layout that the program computes with. */
  readonly optimizer: { readonly step: number; readonly moments: CheckpointTensors };
  /** What the chains remember: a replay buffer; empty for chains that start afresh each time. */
  readonly chains: CheckpointTensors;
  /** The key that every draw of the run is derived from. */
  readonly key: Key;
  /** The run's configuration. */
  readonly config: { readonly [name: string]: Json };
  /** What else the run carries from iteration to iteration. */
  readonly progress: { readonly [name: string]: Json };
  /** Versions of the programs that wrote it, by name. */
  readonly software: Readonly<Record<string, string>>;
}
