/** `@tensorflow/tfjs-backend-wasm`: SIMD on one thread, on any machine. */

import * as tf from '@tensorflow/tfjs-core';
import { quietly, reasonOf, type Candidate } from './candidate.ts';
import { completeWasm } from './wasm-kernels.ts';

export const wasm: Candidate = {
  name: 'wasm',
  async start() {
    try {
      // Its .wasm files lie beside its JavaScript, and are read from there.
      await quietly(async () => {
        await import('@tensorflow/tfjs-backend-cpu');
        await import('@tensorflow/tfjs-backend-wasm');
      });
      completeWasm();
      if (!(await tf.setBackend('wasm'))) throw new Error('it did not start');
    } catch (thrown) {
      return { why: reasonOf(thrown), remedy: 'npm install @tensorflow/tfjs-backend-wasm' };
    }
    const simd = (await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT')) as boolean;
    return { backend: 'wasm', label: `wasm (${simd ? 'SIMD, ' : ''}1 thread)` };
  },
};
