/** Updates of optimizers in one pass over memory: what @srmcmc/estimators looks for. */

import { type TensorInfo, util } from '@tensorflow/tfjs-core';

import { areFloat, compute, input, type NativeKernel } from './native-kernel.ts';

interface AdamAttrs {
  readonly beta1: number;
  readonly beta2: number;
  /** The learning rate over 1 − β₁ᵗ. */
  readonly stepSize: number;
  /** √(1 − β₂ᵗ). */
  readonly secondCorrection: number;
  readonly epsilon: number;
}

export const optimizerKernels: Readonly<Record<string, NativeKernel<TensorInfo[]>>> = {
  /**
   * Inputs variable, gradient, first and second of one shape; outputs the next variable, first and second, in the memory
   * of those before them where nobody else can see it: all but the gradient must be disposed of, unread.
   */
  AdamUpdate: ({ inputs, attrs, backend }) => {
    const tensors = ['variable', 'gradient', 'first', 'second'].map((name) => input(inputs, name));
    const { shape } = tensors[0]!;
    if (!areFloat(...tensors) || !tensors.every((tensor) => util.arraysEqual(tensor.shape, shape)))
      return undefined;
    const { beta1, beta2, stepSize, secondCorrection, epsilon } = attrs as AdamAttrs;
    const [x, gradient, first, second] = tensors.map((tensor) => backend.floats(tensor));
    const next = [tensors[0]!, tensors[2]!, tensors[3]!].map((tensor) => backend.successor(tensor));
    return compute(backend, next, ([nextX, nextFirst, nextSecond]) =>
      backend.addon.adam(
        Float32Array.of(beta1, 1 - beta1, beta2, 1 - beta2, stepSize, secondCorrection, epsilon),
        x!,
        gradient!,
        first!,
        second!,
        nextX!,
        nextFirst!,
        nextSecond!,
      ),
    );
  },
};
