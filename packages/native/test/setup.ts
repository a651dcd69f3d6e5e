/** Shared by the tests: the backend, inputs drawn from a seed, and the plain cpu backend as the reference. */

import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';

import { BACKEND_NAME, nativeStatus, registerNativeBackend } from '../src/index.ts';

if (!registerNativeBackend()) throw new Error(nativeStatus().reason);

/** A small generator of test inputs: mulberry32. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function array(next: () => number, length: number, low = -1, high = 1): Float32Array {
  return Float32Array.from({ length }, () => low + (high - low) * next());
}

export function integer(next: () => number, low: number, high: number): number {
  return low + Math.floor(next() * (high - low + 1));
}

export function pick<T>(next: () => number, choices: readonly T[]): T {
  return choices[Math.floor(next() * choices.length)]!;
}

export interface Input {
  readonly values: Float32Array;
  readonly shape: number[];
}
export function inputOf(next: () => number, shape: number[], low = -1, high = 1): Input {
  return { values: array(next, tf.util.sizeFromShape(shape), low, high), shape };
}

/** The output of `f` on tensors of the inputs, computed by one backend. */
export function on(
  backend: string,
  inputs: readonly Input[],
  f: (...tensors: tf.Tensor[]) => tf.Tensor,
): Input {
  tf.setBackend(backend);
  return tf.tidy(() => {
    const y = f(...inputs.map(({ values, shape }) => tf.tensor(values.slice(), shape)));
    return { values: Float32Array.from(y.dataSync()), shape: y.shape };
  });
}

/** The largest difference, relative to the largest reference value. */
export function relativeError(actual: Float32Array, reference: Float32Array): number {
  expect(actual.length).toBe(reference.length);
  let scale = 1e-30;
  let error = 0;
  reference.forEach((value, i) => {
    scale = Math.max(scale, Math.abs(value));
    error = Math.max(error, Math.abs(value - actual[i]!));
    if (Number.isNaN(actual[i]!) !== Number.isNaN(value)) error = Infinity;
  });
  return error / scale;
}

/** Holds the native backend's result of `f` against the cpu backend's. */
export function expectAgreement(
  inputs: readonly Input[],
  f: (...tensors: tf.Tensor[]) => tf.Tensor,
  what: string,
  tolerance = 2e-6,
): void {
  const actual = on(BACKEND_NAME, inputs, f);
  const reference = on('cpu', inputs, f);
  expect(actual.shape, what).toEqual(reference.shape);
  expect(relativeError(actual.values, reference.values), what).toBeLessThan(tolerance);
}
