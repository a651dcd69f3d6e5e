/** An engine: something that does workloads in a process of its own. */
import type { Command } from '../engine-process.ts';
import type { Precision, WorkloadName } from '../protocol.ts';

export interface Engine {
  /** `native/float32/avx2`, `pytorch/float32`: what it is, in what precision, by what way. */
  readonly name: string;
  /** Ours, another backend of TensorFlow.js, or a program of other people that ours is compared with. */
  readonly kind: 'native' | 'backend' | 'peer';
  readonly precision: Precision;
  /** For people, with versions. */
  readonly label: string;
  /** What it is measured on; everything unless given. */
  readonly workloads?: readonly WorkloadName[];
  /** Its process, with this many threads. */
  command(threads: number): Command;
}

/** An engine that cannot run here, or not this case, and what to do about it. */
export interface LeftOut {
  readonly engine: string;
  readonly why: string;
}

/** What was found on this machine. */
export interface Found {
  readonly engines: readonly Engine[];
  readonly leftOut: readonly LeftOut[];
  readonly versions: Readonly<Record<string, string>>;
}

/** The threads of whatever an engine is made of. */
export function threadVariables(threads: number): Record<string, string> {
  const count = String(threads);
  return {
    SRMCMC_THREADS: count,
    OMP_NUM_THREADS: count,
    MKL_NUM_THREADS: count,
    TF_NUM_INTRAOP_THREADS: count,
    TF_NUM_INTEROP_THREADS: '1',
    TF_CPP_MIN_LOG_LEVEL: '2',
  };
}
