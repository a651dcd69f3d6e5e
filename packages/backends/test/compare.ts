/** Runs one program on several backends and compares what comes out. */

import * as tf from '@tensorflow/tfjs-core';

export type Arrays = readonly Float32Array[];

/** What the program returns on this backend, read back. */
export async function onBackend(name: string, program: () => tf.Tensor[]): Promise<Arrays> {
  if (!(await tf.setBackend(name))) throw new Error(`no backend '${name}'`);
  const tensors = tf.tidy(program);
  const arrays = tensors.map((tensor) => Float32Array.from(tensor.dataSync()));
  tf.dispose(tensors);
  return arrays;
}

/** max |a − b| / max |b| of the worst pair of arrays; infinite where a length differs or a number is not finite. */
export function largestDifference(arrays: Arrays, references: Arrays): number {
  if (arrays.length !== references.length) return Infinity;
  return Math.max(
    ...references.map((reference, i) => {
      const array = arrays[i]!;
      if (array.length !== reference.length || !array.every(Number.isFinite)) return Infinity;
      const scale = reference.reduce((largest, b) => Math.max(largest, Math.abs(b)), 0);
      const error = reference.reduce((largest, b, j) => Math.max(largest, Math.abs(b - array[j]!)), 0);
      return scale > 0 ? error / scale : error;
    }),
  );
}

/** Standard normal numbers that depend on shape and seed alone: mulberry32 and Box–Muller. */
export function random<const S extends readonly number[]>(
  shape: S,
  seed: number,
): S extends readonly [number, number, number, number] ? tf.Tensor4D : tf.Tensor {
  let state = seed * 0x9e3779b9;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const size = shape.reduce((product, length) => product * length, 1);
  const values = Float32Array.from(
    { length: size },
    () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
  return tf.tensor(values, [...shape]) as never;
}
