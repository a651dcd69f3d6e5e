import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { loadAddon } from '../src/addon.ts';
import { expectAgreement, inputOf, integer, pick, random } from './setup.ts';

const T4 = (x: tf.Tensor | undefined): tf.Tensor4D => x as tf.Tensor4D;

/** Odd sizes, and numbers of channels below, at and above whole vectors. */
function drawShape(next: () => number): [number, number, number, number] {
  const channels = pick(next, [1, 3, 8, 17, 40, 70]);
  return [pick(next, [1, 2, 5]), integer(next, 5, 12), integer(next, 5, 12), channels];
}

describe('image kernels agree with the cpu backend on random shapes', () => {
  test('pooling, any window, stride and padding', () => {
    const next = random(11);
    for (let i = 0; i < 60; i++) {
      const shape = drawShape(next);
      const window: [number, number] = [integer(next, 2, 4), integer(next, 1, 4)];
      const stride = integer(next, 1, 3);
      // With explicit padding TensorFlow.js counts outputs by the first stride alone.
      const pad = window[1] > 1 ? pick(next, ['same', 'valid', 1] as const) : 'same';
      const strides: [number, number] = pad === 1 ? [stride, stride] : [stride, integer(next, 1, 3)];
      const rounding = pad === 1 ? 'floor' : undefined;
      const x = inputOf(next, shape);
      for (const kind of ['maxPool', 'avgPool'] as const) {
        expectAgreement(
          [x],
          (x) => tf[kind](T4(x), window, strides, pad, rounding),
          JSON.stringify({ kind, shape, window, strides, pad }),
        );
      }
    }
  });

  test('bilinear resizing, up and down, by each convention', () => {
    const next = random(12);
    for (let i = 0; i < 60; i++) {
      const shape = drawShape(next);
      const size: [number, number] = [integer(next, 1, 20), integer(next, 1, 20)];
      const [corners, halfPixel] = pick(next, [
        [false, false],
        [true, false],
        [false, true],
      ] as const);
      expectAgreement(
        [inputOf(next, shape)],
        (x) => tf.image.resizeBilinear(T4(x), size, corners, halfPixel),
        JSON.stringify({ shape, size, corners, halfPixel }),
      );
    }
  });

  test('joining two to four tensors along any axis', () => {
    const next = random(13);
    for (let i = 0; i < 40; i++) {
      const shape = drawShape(next);
      const axis = integer(next, 0, 3);
      const parts = Array.from({ length: integer(next, 2, 4) }, () =>
        inputOf(
          next,
          shape.map((size, at) => (at === axis ? integer(next, 1, 6) : size)),
        ),
      );
      expectAgreement(parts, (...parts) => tf.concat(parts, axis), JSON.stringify({ shape, axis }), 1e-30);
    }
  });

  test('parting a tensor along any axis', () => {
    const next = random(14);
    for (let i = 0; i < 40; i++) {
      const axis = integer(next, 0, 3);
      const sizes = Array.from({ length: integer(next, 2, 4) }, () => integer(next, 1, 6));
      const total = sizes.reduce((sum, size) => sum + size);
      const shape = drawShape(next).map((size, at) => (at === axis ? total : size));
      const reversed = (x: tf.Tensor): tf.Tensor => tf.concat(tf.split(x, sizes, axis).reverse(), axis);
      expectAgreement(
        [inputOf(next, shape)],
        (x) => reversed(x!),
        JSON.stringify({ shape, sizes, axis }),
        1e-30,
      );
    }
  });
});

test('the addon refuses shapes that do not fit the arrays', () => {
  const loaded = loadAddon();
  if (!('addon' in loaded)) throw new Error(loaded.reason);
  const { addon } = loaded;
  const four = new Float32Array(4);
  const pool = Int32Array.of(1, 2, 2, 1, 1, 1, 2, 2, 1, 1, 1, 1, 0, 0);
  expect(() => addon.pool(0, pool, four, four)).toThrow('pool: argument 3 must have 1 elements, not 4');
  expect(() => addon.pool(0, pool.fill(0, 8, 9), four, four)).toThrow('pool: argument 1 has a stride');
  const resize = Int32Array.of(1, 2, 2, 1, 3, 3, 0, 0);
  expect(() => addon.resizeBilinear(resize, four, four)).toThrow('resizeBilinear: argument 2');
  expect(() => addon.resizeBilinear(resize.fill(0, 1, 2), four, four)).toThrow('has an empty size');
  expect(() => addon.concat(Int32Array.of(1, 2), four, four, four)).toThrow('concat: argument 0');
  expect(() => addon.concat(Int32Array.of(1, 1), four, four.subarray(2), four)).toThrow('concat: argument 3');
});
