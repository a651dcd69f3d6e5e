/** `@srmcmc/native`: C++ compiled for this machine. */

import * as tf from '@tensorflow/tfjs-core';
import { absentPackage, reasonOf, type Candidate } from './candidate.ts';

/** What this package uses of `@srmcmc/native`, which is optional. */
interface NativeModule {
  registerNativeBackend(): boolean;
  nativeStatus(): {
    available: boolean;
    instructionSet?: string;
    threads?: number;
    reason?: string;
    remedy?: string;
  };
}

const backend = 'srmcmc-native';
const toolchain = 'a C++ compiler, make and Python 3 (Debian and Ubuntu: apt install g++ make python3)';
const rebuild = `install ${toolchain}, then install @srmcmc/native again`;

export const native: Candidate = {
  name: 'native',
  async start() {
    // A variable keeps compilers and bundlers from requiring a package that is optional.
    const specifier: string = '@srmcmc/native';
    let module: NativeModule;
    try {
      module = (await import(specifier)) as NativeModule;
    } catch (thrown) {
      return absentPackage(thrown) === specifier
        ? { why: 'not installed', remedy: `install ${toolchain}, then run: npm install @srmcmc/native` }
        : { why: reasonOf(thrown), remedy: rebuild };
    }
    const status = module.nativeStatus();
    if (!status.available || !module.registerNativeBackend() || !(await tf.setBackend(backend))) {
      return { why: status.reason ?? 'it did not start', remedy: status.remedy ?? rebuild };
    }
    return { backend, label: label(status.instructionSet, status.threads) };
  },
};

/** As their makers write them. */
const instructionSets: Record<string, string> = { avx2: 'AVX2', avx512: 'AVX-512', neon: 'NEON' };

function label(instructionSet?: string, threads?: number): string {
  const parts = [];
  if (instructionSet !== undefined) parts.push(instructionSets[instructionSet] ?? instructionSet);
  if (threads !== undefined) parts.push(`${threads} thread${threads === 1 ? '' : 's'}`);
  return parts.length > 0 ? `native (${parts.join(', ')})` : 'native';
}
