/** `@tensorflow/tfjs-backend-cpu`: plain JavaScript, the reference that the others are held against. */

import * as tf from '@tensorflow/tfjs-core';
import { reasonOf, type Candidate } from './candidate.ts';

export const cpu: Candidate = {
  name: 'cpu',
  async start() {
    try {
      await import('@tensorflow/tfjs-backend-cpu');
      if (!(await tf.setBackend('cpu'))) throw new Error('it did not start');
      passAdvertisement();
    } catch (thrown) {
      return { why: reasonOf(thrown), remedy: 'npm install @tensorflow/tfjs-backend-cpu' };
    }
    return { backend: 'cpu', label: 'cpu (JavaScript, 1 thread)' };
  },
};

/** Makes the cpu backend's first write, which alone advertises tfjs-node, while tfjs's notes are kept back. */
export function passAdvertisement(): void {
  const backend = tf.engine().findBackend('cpu');
  backend.disposeData(backend.write(new Float32Array(1), [1], 'float32'));
}
