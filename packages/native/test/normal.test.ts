import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';

import { loadAddon } from '../src/addon.ts';
import { BACKEND_NAME } from '../src/index.ts';
import './setup.ts';

const loaded = loadAddon();
if (!('addon' in loaded)) throw new Error(loaded.reason);
const { addon } = loaded;

beforeAll(() => void tf.setBackend(BACKEND_NAME));

function normals(shape: number[], key: [number, number], firstChain: number, step: number): Float32Array {
  return tf.tidy(() => {
    const attrs = { shape, key, firstChain, step };
    return (tf.engine().runKernel('PhiloxNormal', {}, attrs) as tf.Tensor).dataSync<'float32'>();
  });
}

describe('Philox4x32-10', () => {
  // Random123 1.14, tests/kat_vectors.
  test.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ])('gives the published words for counter %j', (counter, key, words) => {
    const [c0, c1, c2, c3] = counter as [number, number, number, number];
    const [k0, k1] = key as [number, number];
    expect(addon.philox4x32(c0, c1, c2, c3, k0, k1)).toEqual(words);
  });
});

describe('PhiloxNormal', () => {
  test('is the Box-Muller transform of the Philox words to 1e-6', () => {
    const [chains, event, firstChain, step] = [3, 4099, 41, 12];
    const key: [number, number] = [0x12345678, 0x9abcdef0];
    const z = normals([chains, event], key, firstChain, step);
    let error = 0;
    for (let chain = 0; chain < chains; chain++)
      for (let block = 0; block * 4 < event; block++) {
        const w = addon.philox4x32(block, step, firstChain + chain, 0, ...key);
        for (let j = 0; j < 4 && block * 4 + j < event; j++) {
          const pair = j < 2 ? 0 : 2;
          const radius = Math.sqrt(-2 * Math.log(((w[pair]! >>> 8) + 1) * 2 ** -24));
          const angle = 2 * Math.PI * (w[pair + 1]! >>> 8) * 2 ** -24;
          const exact = radius * (j % 2 === 0 ? Math.cos(angle) : Math.sin(angle));
          error = Math.max(error, Math.abs(exact - z[chain * event + block * 4 + j]!));
        }
      }
    expect(error).toBeLessThan(1e-6);
  });

  test('and PhiloxUniform has the upper 24 bits of the words', () => {
    const [chains, event, firstChain, step] = [3, 4099, 41, 12];
    const key: [number, number] = [0x12345678, 0x9abcdef0];
    const u = tf.tidy(() => {
      const attrs = { shape: [chains, event], key, firstChain, step };
      return (tf.engine().runKernel('PhiloxUniform', {}, attrs) as tf.Tensor).dataSync<'float32'>();
    });
    const wrong = u.filter((value, i) => {
      const [chain, place] = [Math.floor(i / event), i % event];
      const words = addon.philox4x32(place >> 2, step, firstChain + chain, 1, ...key);
      return value !== (words[place % 4]! >>> 8) * 2 ** -24;
    });
    expect(wrong).toHaveLength(0);
  });

  test("a chain's numbers do not depend on the chains drawn with it", () => {
    const together = normals([7, 13, 5], [1, 2], 10, 3);
    const alone = normals([1, 13, 5], [1, 2], 14, 3);
    expect(together.subarray(4 * 65, 5 * 65)).toEqual(alone);
  });

  test('steps and keys give other numbers, with the mean, variance and tails of a normal', () => {
    const n = 1 << 18;
    const z = normals([1, n], [5, 6], 0, 0);
    const sums = [0, 0, 0, 0, 0];
    for (let i = 0; i < n; i++)
      for (let power = 1, v = z[i]!; power <= 4; power++, v *= z[i]!) sums[power]! += v;
    const moment = (power: number): number => sums[power]! / n;
    // Five standard errors of each moment: sqrt(1/n), sqrt(2/n), sqrt(15/n), sqrt(96/n).
    expect(Math.abs(moment(1))).toBeLessThan(5 * Math.sqrt(1 / n));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
    expect(Math.abs(moment(3))).toBeLessThan(5 * Math.sqrt(15 / n));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(5 * Math.sqrt(96 / n));
    for (const other of [normals([1, n], [5, 6], 0, 1), normals([1, n], [5, 7], 0, 0)]) {
      let correlation = 0;
      for (let i = 0; i < n; i++) correlation += (z[i]! * other[i]!) / n;
      expect(Math.abs(correlation)).toBeLessThan(5 * Math.sqrt(1 / n));
    }
  });

  test('refuses a counter beyond 32 bits', () => {
    expect(() => normals([2, 4], [1, 2], 2 ** 32 - 1, 0)).toThrow(/no numbers for the chains/);
    expect(() => normals([2, 4], [1, 2 ** 32], 0, 0)).toThrow(/integer from 0/);
    expect(() => normals([], [1, 2], 0, 0)).toThrow(/number of chains/);
  });
});
