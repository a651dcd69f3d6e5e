/** `@tensorflow/tfjs-backend-wasm`: SIMD on one thread, on any machine. */

import * as tf from '@tensorflow/tfjs-core';
import { reasonOf, type Candidate } from './candidate.ts';
import { passAdvertisement } from './cpu.ts';
import { completeWasm } from './wasm-kernels.ts';

export const wasm: Candidate = {
  name: 'wasm',
  async start() {
    try {
      // Its .wasm files lie beside its JavaScript, and are read from there.
      await import('@tensorflow/tfjs-backend-cpu');
      await import('@tensorflow/tfjs-backend-wasm');
      completeWasm();
      passAdvertisement();
      if (!(await tf.setBackend('wasm'))) throw new Error('it did not start');
    } catch (thrown) {
      return { why: reasonOf(thrown), remedy: 'npm install @tensorflow/tfjs-backend-wasm' };
    }
    const simd = (await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT')) as boolean;
    return { backend: 'wasm', label: `wasm (${simd ? 'SIMD, ' : ''}1 thread)` };
  },
};
