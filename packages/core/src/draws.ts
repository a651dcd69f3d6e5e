/** Uniform and normal draws, and permutations, as pure functions of a key. */
import * as tf from '@tensorflow/tfjs-core';
import { requireBackend } from './backend.ts';
import { requireInteger } from './errors.ts';
import { type Key, requireKey, Stream } from './key.ts';
import { philox4x32 } from './philox.ts';

/** Names of the optional backend kernels that draw by the schemes of `normals` and `uniforms`. */
const PHILOX_NORMAL = 'PhiloxNormal';
const PHILOX_UNIFORM = 'PhiloxUniform';
const UNIT = 2 ** -24;
const TWO_PI = 2 * Math.PI;

/**
 * Standard normals, `chains` rows of `size`, as a flat array. Element j of chain i at a step comes from the
 * Philox block (floor(j / 4), step, firstChain + i, 0) by Box and Muller's transform on the upper 24 bits of
 * its words: it does not depend on how many chains are drawn together.
 */
export function normals(key: Key, chains: number, size: number, step = 0): Float32Array {
  requireKey(key);
  const out = new Float32Array(chains * size);
  const words = new Uint32Array(4);
  const block = new Float64Array(4);
  for (let chain = 0; chain < chains; chain++) {
    for (let start = 0; start < size; start += 4) {
      philox4x32(start / 4, step, key.firstChain + chain, Stream.normal, key.words[0], key.words[1], words);
      boxMuller(words, 0, block);
      boxMuller(words, 2, block);
      const row = chain * size;
      for (let j = 0; j < 4 && start + j < size; j++) out[row + start + j] = block[j]!;
    }
  }
  return out;
}

/** Uniforms in [0, 1), multiples of 2^-24, laid out and numbered as `normals` does. */
export function uniforms(key: Key, chains: number, size: number, step = 0): Float32Array {
  requireKey(key);
  const out = new Float32Array(chains * size);
  const words = new Uint32Array(4);
  for (let chain = 0; chain < chains; chain++) {
    for (let start = 0; start < size; start += 4) {
      philox4x32(start / 4, step, key.firstChain + chain, Stream.uniform, key.words[0], key.words[1], words);
      const row = chain * size;
      for (let j = 0; j < 4 && start + j < size; j++) out[row + start + j] = (words[j]! >>> 8) * UNIT;
    }
  }
  return out;
}

/** `normals` as a tensor `[chains, ...event]`, drawn by the backend where it has the kernel for it. */
export function normal(key: Key, shape: readonly number[], step = 0): tf.Tensor {
  return drawn(PHILOX_NORMAL, normals, key, shape, step);
}

/** `uniforms` scaled to [low, high), as a tensor `[chains, ...event]`, likewise. */
export function uniform(key: Key, shape: readonly number[], low = 0, high = 1): tf.Tensor {
  return tf.tidy(() => tf.add(tf.mul(drawn(PHILOX_UNIFORM, uniforms, key, shape, 0), high - low), low));
}

function drawn(
  kernel: string,
  draw: typeof normals,
  key: Key,
  shape: readonly number[],
  step: number,
): tf.Tensor {
  requireBackend();
  requireKey(key);
  if (tf.getKernel(kernel, tf.getBackend()) !== undefined) {
    const attributes = { shape: [...shape], key: [...key.words], firstChain: key.firstChain, step };
    return tf.engine().runKernel(kernel, {}, attributes) as tf.Tensor;
  }
  const [chains = 0, ...event] = shape;
  return tf.tensor(draw(key, chains, elements(event), step), [...shape], 'float32');
}

/** A permutation of 0 .. size - 1 (Fisher and Yates), the same for the same key on every machine. */
export function permutation(key: Key, size: number): Uint32Array {
  requireKey(key);
  requireInteger('size', size, 0);
  const order = Uint32Array.from({ length: size }, (_, i) => i);
  const words = new Uint32Array(4);
  for (let i = size - 1; i > 0; i--) {
    philox4x32(i, 0, 0, Stream.permutation, key.words[0], key.words[1], words);
    // 53 random bits: the bias of the scaled index is below 2^-21 even for size 2^32.
    const fraction = (words[0]! * 2 ** 21 + (words[1]! >>> 11)) * 2 ** -53;
    const j = Math.floor(fraction * (i + 1));
    const swapped = order[i]!;
    order[i] = order[j]!;
    order[j] = swapped;
  }
  return order;
}

/** The number of elements of an event of this shape; 1 for a scalar event. */
export function elements(eventShape: readonly number[]): number {
  return eventShape.reduce((product, size) => product * size, 1);
}

/** Two words at `offset` give the two normals at `offset`. The radius' uniform lies in (0, 1], never 0. */
function boxMuller(words: Uint32Array, offset: number, out: Float64Array): void {
  const radius = Math.sqrt(-2 * Math.log(((words[offset]! >>> 8) + 1) * UNIT));
  const angle = TWO_PI * ((words[offset + 1]! >>> 8) * UNIT);
  out[offset] = radius * Math.cos(angle);
  out[offset + 1] = radius * Math.sin(angle);
}
