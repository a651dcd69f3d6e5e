import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CorruptDataError, MissingDataError } from '@srmcmc/core';
import { datasetConformance } from '@srmcmc/core/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { npyArray } from '../src/index.ts';
import { golden, temporaryFolder } from './temporary.ts';

const folder = temporaryFolder();
const saved = (name: string) => join(folder, `${name}.npy`);

beforeAll(async () => {
  const files = await golden<Record<string, string>>('npy');
  for (const [name, base64] of Object.entries(files))
    await writeFile(saved(name), Buffer.from(base64, 'base64'));
});

describe('images saved by numpy conform', () => {
  for (const { name, run } of datasetConformance(() => npyArray(saved('uint8')))) test(name, run);
});

test.each(['float32', 'float32, format 2'])('points saved by numpy: %s', async (name) => {
  const points = await npyArray(saved(name));
  expect([points.size, points.shape, points.dtype]).toEqual([3, [2], 'float32']);
  expect([...(await points.gather([1, 0]))]).toEqual([3, Math.fround(1e-3), 1.5, -2]);
});

test('images saved by numpy keep their shape and bytes', async () => {
  const images = await npyArray(saved('uint8'), { subset: 3 });
  expect([images.size, images.shape, images.dtype]).toEqual([3, [2, 3, 3], 'uint8']);
  expect([...(await images.gather([2]))]).toEqual(Array.from({ length: 18 }, (_, i) => 36 + i));
});

test.each(['float64', 'Fortran order', 'one axis'])(
  '%s is refused with what to save instead',
  async (name) => {
    await expect(npyArray(saved(name))).rejects.toThrow(CorruptDataError);
  },
);

test('a NaN is refused with the number of its example', async () => {
  await expect(npyArray(saved('NaN'))).rejects.toThrow('example 1 contains NaN');
});

test('a file cut at any byte, text, and no file at all are refused', async () => {
  const bytes = Buffer.from((await golden<Record<string, string>>('npy'))['float32']!, 'base64');
  for (let length = 0; length < bytes.length; length++) {
    await writeFile(saved('cut'), bytes.subarray(0, length));
    await expect(npyArray(saved('cut'))).rejects.toThrow(CorruptDataError);
  }
  await expect(npyArray(saved('nowhere'))).rejects.toThrow(MissingDataError);
});

test('a subset larger than the array is refused', async () => {
  await expect(npyArray(saved('uint8'), { subset: 5 })).rejects.toThrow('subset: is 5');
});
