/** Convolutions of every kind, with the paper's layers first. */

import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import { random } from './compare.ts';

type Pad = 'same' | 'valid' | number | tf.backend_util.ExplicitPadding;

export const convolutions = (
  [
    // [batch, height, width, in, out, kernel, stride, pad]: the paper's layers first.
    [4, 32, 32, 3, 8, [3, 3], 1, 1],
    [4, 16, 16, 8, 16, [4, 4], 2, 1],
    [4, 4, 4, 16, 1, [4, 4], 1, 'valid'],
    // Sizes that the stride does not divide, both ways round.
    [2, 9, 7, 3, 5, [4, 4], 2, 1],
    [2, 7, 10, 2, 3, [3, 2], 2, 'same'],
    [3, 11, 8, 2, 3, [3, 3], 3, 'valid'],
    // A stride larger than the kernel leaves input pixels without gradient.
    [2, 8, 8, 2, 3, [2, 2], 3, 0],
    [2, 7, 7, 2, 3, [1, 1], 2, 'valid'],
    // Padding wider than the kernel; asymmetric padding; unequal strides; even kernels with 'same'.
    [2, 5, 5, 2, 3, [2, 2], 1, 3],
    [
      2,
      6,
      6,
      2,
      3,
      [3, 3],
      2,
      [
        [0, 0],
        [0, 1],
        [2, 0],
        [0, 0],
      ],
    ],
    [2, 8, 9, 2, 3, [4, 3], [2, 3], 'same'],
    [1, 1, 1, 4, 4, [1, 1], 1, 'same'],
    [2, 6, 5, 1, 1, [6, 5], 1, 'valid'],
  ] as [number, number, number, number, number, [number, number], number | [number, number], Pad][]
).map(([batch, height, width, inputs, outputs, kernel, strides, pad]) => ({
  x: [batch, height, width, inputs] as [number, number, number, number],
  filter: [...kernel, inputs, outputs] as [number, number, number, number],
  strides,
  pad,
}));

/** The convolution of random inputs, and its gradient with respect to both. */
export function convolve({ x, filter, strides, pad }: (typeof convolutions)[number]): tf.Tensor[] {
  const inputs = [random(x, 1), random(filter, 2)];
  const f = (x: tf.Tensor, filter: tf.Tensor) =>
    tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, strides, pad);
  const y = f(inputs[0]!, inputs[1]!);
  return [y, ...tf.grads(f)(inputs, random(y.shape, 3))];
}
