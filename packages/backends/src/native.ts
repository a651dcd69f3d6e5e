/** `@srmcmc/native`: C++ compiled for this machine. */

import * as tf from '@tensorflow/tfjs-core';
import { absentPackage, reasonOf, type Candidate } from './candidate.ts';

/** What short runs and gradients of networks are computed in. */
type ComputedPrecision = 'float32' | 'bfloat16';

/** What this package uses of `@srmcmc/native`, which is optional. */
interface NativeModule {
  registerNativeBackend(): boolean;
  setPrecision(precision: ComputedPrecision): void;
  setThreads(count: number): void;
  nativeStatus(): {
    available: boolean;
    instructionSet?: string;
    threads?: number;
    /** By what instructions each precision is computed. */
    precisions?: Readonly<Record<ComputedPrecision, string>>;
    fastestPrecision?: ComputedPrecision;
    reason?: string;
    remedy?: string;
  };
}

/** Its name among tfjs backends. */
export const NATIVE = 'srmcmc-native';
const toolchain = 'a C++ compiler, make and Python 3 (Debian and Ubuntu: apt install g++ make python3)';
const rebuild = `install ${toolchain}, then install @srmcmc/native again`;

export const native: Candidate = {
  name: 'native',
  async start({ precision = 'auto', threads }) {
    let module: NativeModule;
    try {
      module = await load();
    } catch (thrown) {
      return absentPackage(thrown) === PACKAGE
        ? { why: 'not installed', remedy: `install ${toolchain}, then run: npm install @srmcmc/native` }
        : { why: reasonOf(thrown), remedy: rebuild };
    }
    const status = module.nativeStatus();
    if (!status.available || !module.registerNativeBackend() || !(await tf.setBackend(NATIVE))) {
      return { why: status.reason ?? 'it did not start', remedy: status.remedy ?? rebuild };
    }
    const computed = precision === 'auto' ? (status.fastestPrecision ?? 'float32') : precision;
    module.setPrecision(computed);
    if (threads !== undefined) module.setThreads(threads);
    const instructions = status.precisions?.[computed] ?? status.instructionSet;
    return { backend: NATIVE, label: label(computed, instructions, module.nativeStatus().threads) };
  },
};

const PACKAGE: string = '@srmcmc/native';

/** A name that is a variable keeps compilers and bundlers from requiring a package that is optional. */
async function load(): Promise<NativeModule> {
  return (await import(PACKAGE)) as NativeModule;
}

/**
 * Whether the native backend runs here, on a processor that multiplies matrices of bfloat16 (AMX): there a step of the
 * paper's networks takes about a tenth of the time that it takes elsewhere.
 */
export async function hasMatrixInstructions(): Promise<boolean> {
  try {
    const { available, precisions } = (await load()).nativeStatus();
    return available && precisions?.bfloat16 === 'amx';
  } catch {
    return false;
  }
}

/** As their makers write them. */
const instructionSets: Record<string, string> = {
  amx: 'AMX',
  avx2: 'AVX2',
  avx512: 'AVX-512',
  avx512bf16: 'AVX-512',
  neon: 'NEON',
};

function label(precision: ComputedPrecision, instructionSet?: string, threads?: number): string {
  const parts: string[] = [precision];
  if (instructionSet !== undefined) parts.push(instructionSets[instructionSet] ?? instructionSet);
  if (threads !== undefined) parts.push(`${threads} thread${threads === 1 ? '' : 's'}`);
  return `native (${parts.join(', ')})`;
}
