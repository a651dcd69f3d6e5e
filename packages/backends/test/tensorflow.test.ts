import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it, vi } from 'vitest';
import { selectBackend } from '../src/index.ts';
import { largestDifference, onBackend, random } from './compare.ts';
import { convolutions, convolve } from './convolutions.ts';

const warnings = vi.spyOn(console, 'warn');
await selectBackend('cpu');
const absence = await selectBackend('tensorflow').then(
  () => undefined,
  (error: Error) => error.message,
);

describe.skipIf(absence !== undefined)(
  `the tensorflow backend${absence ? ` (skipped: ${absence})` : ''}`,
  () => {
    it('is active under its tfjs name and labelled with its version', async () => {
      const choice = await selectBackend('tensorflow');
      expect(tf.getBackend()).toBe('tensorflow');
      expect(choice).toMatchObject({ name: 'tensorflow', skipped: [] });
      expect(choice.label).toMatch(/^tfjs-node(-gpu)? \d+\.\d+\.\d+/);
    });

    // TensorFlow has no CPU kernel for unequal strides.
    const equalStrides = convolutions.filter(({ strides }) => typeof strides === 'number');

    it.each(equalStrides)(
      'gives the convolution and both gradients of cpu for x $x, filter $filter, strides $strides, pad $pad',
      async (c) => {
        const reference = await onBackend('cpu', () => convolve(c));
        expect(largestDifference(await onBackend('tensorflow', () => convolve(c)), reference)).toBeLessThan(
          2e-5,
        );
      },
    );

    it('gives the fused convolution of cpu under numeric padding', async () => {
      const program = () =>
        [1, 2].map((pad) =>
          tf.fused.conv2d({
            x: random([2, 9, 8, 3], 1),
            filter: random([4, 4, 3, 5], 2),
            strides: 2,
            pad,
            bias: random([5], 3),
            activation: 'leakyrelu',
            leakyreluAlpha: 0.2,
          }),
        );
      const reference = await onBackend('cpu', program);
      expect(largestDifference(await onBackend('tensorflow', program), reference)).toBeLessThan(2e-5);
    });

    it('loads without a word, and so do the others after it', async () => {
      await selectBackend('wasm');
      await selectBackend('auto');
      expect(warnings).not.toHaveBeenCalled();
    });

    it('leaves no tensor behind', async () => {
      await tf.setBackend('tensorflow');
      const before = tf.memory().numTensors;
      tf.tidy(() => {
        const inputs = [random([2, 8, 8, 3], 1), random([4, 4, 3, 5], 2)];
        tf.grads((x, filter) => tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 2, 1))(inputs);
      });
      expect(tf.memory().numTensors).toBe(before);
    });
  },
);
