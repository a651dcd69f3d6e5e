/** `@tensorflow/tfjs-backend-cpu`: plain JavaScript, the reference that the others are held against. */

import * as tf from '@tensorflow/tfjs-core';
import { quietly, reasonOf, type Candidate } from './candidate.ts';

export const cpu: Candidate = {
  name: 'cpu',
  async start() {
    try {
      await quietly(async () => {
        await import('@tensorflow/tfjs-backend-cpu');
        if (!(await tf.setBackend('cpu'))) throw new Error('it did not start');
        // Its first write prints an advertisement; what to install is said by describeBackend.
        tf.scalar(0).dispose();
      });
    } catch (thrown) {
      return { why: reasonOf(thrown), remedy: 'npm install @tensorflow/tfjs-backend-cpu' };
    }
    return { backend: 'cpu', label: 'cpu (JavaScript, 1 thread)' };
  },
};
