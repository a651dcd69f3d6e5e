/** What a workload is: which cases it has, what they cost, and how an engine on TensorFlow.js does them. */
import type { ConvNetworkSpec } from '@srmcmc/core';
import type { ConvEnergy } from '@srmcmc/energy';
import type * as tf from '@tensorflow/tfjs-core';
import type { Case, WorkloadName } from '../protocol.ts';

/** What the flags ask for. */
export interface CaseOptions {
  readonly side: number;
  readonly width: number;
  readonly chains: number;
  /** K of `langevin-step` and `hmc-step`, and of `learning-iteration`. */
  readonly steps: number;
  readonly learningSteps: number;
}

export interface NamedWorkload {
  readonly name: WorkloadName;
  /** What the reported time is of. */
  readonly unit: string;
  /** One sentence for the report. */
  readonly description: string;
}

/** A workload on the paper's networks is one file; `workloads.ts` lists them. */
export interface Workload extends NamedWorkload {
  cases(options: CaseOptions, network: ConvNetworkSpec): Case[];
  /** Units of work in one call. */
  unitsPerCall(one: Case): number;
  /** Floating-point operations of one unit; a multiply-add is two. */
  operations(one: Case, network: ConvNetworkSpec): number;
  /** Operations of the check, for this many images. */
  checkOperations(one: Case, network: ConvNetworkSpec, images: number): number;
  /** Tensors besides weights and images that an engine needs, by name, with their shapes. */
  extraInputs(network: ConvNetworkSpec): Readonly<Record<string, readonly number[]>>;
  /** On the active backend of TensorFlow.js. */
  prepare(work: Work): Prepared;
}

/** What a workload is prepared with. Tensors are borrowed. */
export interface Work {
  readonly case: Case;
  readonly energy: ConvEnergy;
  /** [m, side, side, 3]. */
  readonly images: tf.Tensor4D;
  /** All steps in one call of the backend, where it can do that, or one by one. */
  readonly fused: boolean;
  /** The tensor of this name in the inputs, its first axis repeated to m. */
  extra(name: string): tf.Tensor4D;
}

export interface Checked {
  readonly values: Float32Array;
  /** Equal parts of the values that are compared one by one. */
  readonly parts: number;
  /** What computing them took; the whole check unless given. */
  readonly seconds?: number;
}

export interface Prepared {
  /** One call. The work is done when it returns, or when its promise is fulfilled. */
  run(): void | Promise<void>;
  /** What engines are compared by, for the first `images` images. */
  check(images: number): Checked | Promise<Checked>;
  dispose(): void;
}
