import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, test } from 'vitest';
import {
  foldIn,
  fromChain,
  type Key,
  key,
  normal,
  normals,
  permutation,
  philox4x32,
  split,
  uniform,
  uniforms,
} from '@srmcmc/core';
import golden from './goldens/philox.json' with { type: 'json' };

const CHAINS = 2000;
const SIZE = 100;

describe('philox4x32', () => {
  // The known-answer vectors published with Random123 (kat_vectors, philox4x32-10).
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
  ])('gives the published words for counter %j', (counter, words, expected) => {
    const out = new Uint32Array(4);
    philox4x32(counter[0]!, counter[1]!, counter[2]!, counter[3]!, words[0]!, words[1]!, out);
    expect([...out]).toEqual(expected);
  });

  test.each(golden.words)(
    'agrees with numpy for counter $counter and key $key',
    ({ counter, key: words, words: expected }) => {
      const out = new Uint32Array(4);
      philox4x32(counter[0]!, counter[1]!, counter[2]!, counter[3]!, words[0]!, words[1]!, out);
      expect([...out]).toEqual(expected);
    },
  );
});

/** Runs a statistic for many seeds and bounds how often it may fall outside, instead of trusting one seed. */
function rejections(level: number, statistic: (seed: Key) => number): number {
  return Array.from({ length: 40 }, (_, seed) => statistic(key(seed))).filter((z) => Math.abs(z) > level)
    .length;
}

describe('normals', () => {
  test('have the moments of a standard normal', () => {
    const n = CHAINS * SIZE;
    const moment = (power: number, expected: number, variance: number) => (seed: Key) =>
      (normals(seed, CHAINS, SIZE).reduce((sum, z) => sum + z ** power, 0) / n - expected) /
      Math.sqrt(variance / n);
    // 3 standard errors: 0.27 % of 40 seeds is 0.1; more than 3 has probability below 1e-5.
    expect(rejections(3, moment(1, 0, 1))).toBeLessThanOrEqual(3);
    expect(rejections(3, moment(2, 1, 2))).toBeLessThanOrEqual(3);
    expect(rejections(3, moment(3, 0, 15))).toBeLessThanOrEqual(3);
    expect(rejections(3, moment(4, 3, 96))).toBeLessThanOrEqual(3);
  });

  test('are not correlated between the elements, the chains or the steps they are numbered by', () => {
    const n = CHAINS * SIZE;
    const correlation = (a: Float32Array, b: Float32Array): number =>
      a.reduce((sum, value, i) => sum + value * b[i]!, 0) / Math.sqrt(n);
    const pairs: ((seed: Key) => number)[] = [
      (seed) => correlation(normals(seed, CHAINS, SIZE, 0), normals(seed, CHAINS, SIZE, 1)),
      (seed) => correlation(normals(seed, CHAINS, SIZE), normals(fromChain(seed, 1), CHAINS, SIZE)),
      (seed) => correlation(normals(seed, CHAINS, SIZE), normals(seed, CHAINS, SIZE + 1).subarray(1)),
      (seed) => correlation(normals(seed, CHAINS, SIZE), normals(split(seed)[0]!, CHAINS, SIZE)),
    ];
    for (const statistic of pairs) expect(rejections(3, statistic)).toBeLessThanOrEqual(3);
  });

  test('of chain 17 are the same alone and in a batch of 64', () => {
    const batch = normals(key(5), 64, 10, 3);
    expect(normals(fromChain(key(5), 17), 1, 10, 3)).toEqual(batch.slice(170, 180));
  });
});

describe('keys', () => {
  test('seeds below and above 2^32 give different streams', () => {
    expect(uniforms(key(2 ** 32 + 5), 1, 8)).not.toEqual(uniforms(key(5), 1, 8));
  });

  test('split and foldIn give keys that all differ', () => {
    const keys = [...split(key(3), 100), ...Array.from({ length: 100 }, (_, i) => foldIn(key(3), i)), key(3)];
    expect(new Set(keys.map(({ words }) => words.join())).size).toBe(201);
  });

  test.each([-1, 0.5, Number.NaN, 2 ** 60])('a seed of %d is refused', (seed) => {
    expect(() => key(seed)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});

test('uniforms lie in [0, 1) and pass a chi-squared test of 64 equal cells', () => {
  const statistic = (seed: Key): number => {
    const counts = new Float64Array(64);
    for (const u of uniforms(seed, CHAINS, SIZE)) counts[Math.floor(u * 64)]!++;
    const expected = (CHAINS * SIZE) / 64;
    const chiSquared = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    return (chiSquared - 63) / Math.sqrt(2 * 63);
  };
  expect(rejections(3, statistic)).toBeLessThanOrEqual(3);
});

test('the uniform initial distribution fills [-1, 1)', async () => {
  const x = uniform([32, 32, 3]).sample(key(1), 4);
  const values = await x.data();
  expect(Math.min(...values)).toBeGreaterThanOrEqual(-1);
  expect(Math.max(...values)).toBeLessThan(1);
  expect(tf.mean(x).arraySync()).toBeCloseTo(0, 1);
});

test('a permutation holds every index once, and every place is equally likely for index 0', () => {
  expect([...permutation(key(1), 1000)].sort((a, b) => a - b)).toEqual(
    Array.from({ length: 1000 }, (_, i) => i),
  );
  const places = new Float64Array(10);
  for (let seed = 0; seed < 5000; seed++) places[permutation(key(seed), 10).indexOf(0)]!++;
  const chiSquared = places.reduce((sum, count) => sum + (count - 500) ** 2 / 500, 0);
  // The 99.99 % point of chi-squared with 9 degrees of freedom.
  expect(chiSquared).toBeLessThan(33.7);
});

test.each(golden.normals.rows)(
  'normals of chain $chain at step $step agree with numpy',
  ({ chain, step, values }) => {
    const words = golden.normals.key as [number, number];
    const drawn = normals({ words, firstChain: chain }, 1, values.length, step);
    expect(drawn).toEqual(Float32Array.from(values));
  },
);

describe.each([7, undefined, null, {}])('a key that is %j', (wrong) => {
  const key = wrong as never;
  test.each<[string, () => unknown]>([
    ['split', () => split(key)],
    ['foldIn', () => foldIn(key, 1)],
    ['fromChain', () => fromChain(key, 1)],
    ['normals', () => normals(key, 1, 1)],
    ['uniforms', () => uniforms(key, 1, 1)],
    ['permutation', () => permutation(key, 3)],
    ['normal', () => normal(key, [1, 1])],
    ['an initial distribution', () => uniform([2]).sample(key, 1)],
  ])('is refused by %s', (_name, draw) => {
    expect(draw).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', field: 'key' }));
    expect(draw).toThrow('key(seed)');
  });
});
