import { CorruptDataError } from '@srmcmc/core';
import { beforeAll, expect, test } from 'vitest';
import { NumpyArray, readPickle } from '../src/pickle.ts';
import { golden } from './temporary.ts';

let pickles: Record<string, Uint8Array>;

beforeAll(async () => {
  const encoded = await golden<Record<string, string>>('pickles');
  pickles = Object.fromEntries(
    Object.entries(encoded).map(([name, base64]) => [name, Uint8Array.from(Buffer.from(base64, 'base64'))]),
  );
});

test.each([
  'python 2, protocol 2',
  'python 2, protocol 2, Fortran order',
  'python 3, protocol 2',
  'python 3, protocol 3',
  'python 3, protocol 4',
])('a dictionary with lists, strings and an array: %s', (name) => {
  const batch = readPickle(pickles[name]!, name) as Map<string, unknown>;
  expect(batch.get('labels')).toEqual([6, 9, 300, 70000, -1]);
  const data = batch.get('data') as NumpyArray;
  expect(data.shape).toEqual([3, 4]);
  expect(data.dtype).toBe('u1');
  expect([...data.bytes]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
});

test('plain values, tuples and arrays of floats', () => {
  const values = readPickle(pickles['other values']!, 'values') as unknown[];
  expect(values.slice(0, 7)).toEqual([true, false, null, 0.5, [], [1], [1, 2, 3, 4]]);
  const array = values[7] as NumpyArray;
  expect([array.dtype, ...new Float32Array(array.bytes.slice().buffer)]).toEqual(['f4', 1.5, -2]);
});

test('a pickle that would call os.system is refused by name, and calls nothing', () => {
  expect(() => readPickle(pickles['calls os.system']!, 'evil')).toThrow(CorruptDataError);
  expect(() => readPickle(pickles['calls os.system']!, 'evil')).toThrow('posix.system, which is refused');
});

test('a pickle cut at any byte is refused', () => {
  for (const [name, bytes] of Object.entries(pickles)) {
    for (let length = 0; length < bytes.length; length++) {
      expect(() => readPickle(bytes.subarray(0, length), name)).toThrow(CorruptDataError);
    }
  }
});

test('text is no pickle', () => {
  expect(() => readPickle(Buffer.from('<html>not found</html>'), 'page')).toThrow(CorruptDataError);
});
