/**
 * What the program and the process of an engine say to each other: requests on the engine's standard input, answers on
 * its standard output, each one line of JSON. `peers/protocol.py` is the other half for engines in Python.
 */
import type { ConvNetworkSpec } from '@srmcmc/core';

/** In the order of the report. */
export const WORKLOADS = [
  'langevin-step',
  'hmc-step',
  'learning-iteration',
  'learning-part',
  'convolution',
  'inception',
] as const;
export type WorkloadName = (typeof WORKLOADS)[number];

export const PASSES = ['forward', 'input-gradient', 'filter-gradient'] as const;
export type Pass = (typeof PASSES)[number];

/** Of a learning iteration, what is not the chains' steps: the gradient in the weights, and the optimizer's update. */
export const LEARNING_PARTS = ['gradient', 'update'] as const;
export type LearningPart = (typeof LEARNING_PARTS)[number];

/** One thing to measure. */
export interface Case {
  readonly workload: WorkloadName;
  /** Side of the images, pixels. */
  readonly side: number;
  /** n: channels of the first layer; of Inception, the size of the feature. */
  readonly width: number;
  /** m: chains, or images of a batch. */
  readonly chains: number;
  /** K: steps of one call; absent where there are none. */
  readonly steps?: number | undefined;
  /** Of a convolution: which layer of the network, from 0, and which of its three products. */
  readonly layer?: number | undefined;
  readonly pass?: Pass | undefined;
  /** Of `learning-part`. */
  readonly part?: LearningPart | undefined;
}

export type Precision = 'float32' | 'bfloat16';

export interface Requests {
  describe: { params: Record<string, never>; result: Description };
  /** Makes everything that a sample needs. `inputs` is a safetensors file; see `inputs.ts`. */
  prepare: { params: Preparation; result: Record<string, never> };
  /** Computes what engines are compared by, for the first `images` images, as float32 into a file. */
  check: { params: { readonly output: string }; result: CheckAnswer };
  /** Works, `calls` times what the case says, and waits for the end of it. */
  run: { params: { readonly calls: number }; result: RunAnswer };
  release: { params: Record<string, never>; result: Record<string, never> };
  peaks: { params: Record<string, never>; result: Peaks };
}

export interface Preparation {
  readonly case: Case;
  /** The paper's; null for a workload on none. */
  readonly network: ConvNetworkSpec | null;
  readonly inputs: string;
}

export interface Description {
  /** For people: `native (AVX2, 2 threads)`. */
  readonly label: string;
  readonly versions: Readonly<Record<string, string>>;
  /** Of the native addon: the instructions that it computes with in each precision. */
  readonly precisions?: Readonly<Record<Precision, string>>;
}

export interface CheckAnswer {
  /** Images that the result is for. */
  readonly images: number;
  /** Equal parts of the result that are compared one by one: one an image, or one for the gradient of weights. */
  readonly parts: number;
  readonly seconds: number;
}

export interface RunAnswer {
  readonly seconds: number;
  /** Time that the process ran, on any core. */
  readonly cpuSeconds: number;
  /** The most memory that the process has had resident, bytes. */
  readonly peakBytes: number;
}

/** Billions of operations a second that all threads together can do, by what does them. */
export interface Peaks {
  /** Fused multiply-adds of single precision. */
  readonly float32: number;
  /** Products of bfloat16 tiles, where the processor has them. */
  readonly bfloat16?: number;
}

export type Method = keyof Requests;

export interface Request {
  readonly id: number;
  readonly method: Method;
  readonly params: object;
}

export type Answer =
  | { readonly id: number; readonly result: object }
  /** `unsupported`: this engine cannot do that, ever; `failed`: it tried. */
  | {
      readonly id: number;
      readonly error: { readonly kind: 'unsupported' | 'failed'; readonly message: string };
    };

/** Images that engines are compared on: enough that one with a flipped activation mask does not decide. */
export const CHECK_IMAGES = 8;
