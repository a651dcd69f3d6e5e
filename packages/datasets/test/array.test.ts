import { CorruptDataError, InvalidArgumentError, InvalidShapeError } from '@srmcmc/core';
import { datasetConformance } from '@srmcmc/core/testing';
import { describe, expect, test } from 'vitest';
import { arrayDataset, subset } from '../src/index.ts';

const points = () =>
  arrayDataset({ name: 'points', shape: [2], values: Float32Array.from({ length: 20 }, (_, i) => i / 2) });
const images = () =>
  arrayDataset({
    name: 'images',
    shape: [2, 1, 3],
    values: Uint8Array.from({ length: 36 }, (_, i) => i),
    labels: Uint8Array.of(5, 4, 3, 2, 1, 0),
  });

describe('arrayDataset conforms', () => {
  for (const { name, run } of datasetConformance(points)) test(`floats: ${name}`, run);
  for (const { name, run } of datasetConformance(images)) test(`bytes: ${name}`, run);
  for (const { name, run } of datasetConformance(() => subset(images(), 5))) test(`subset: ${name}`, run);
});

test('what gather returns is a copy: writing to it leaves the data set as it was', async () => {
  const dataset = images();
  (await dataset.gather([0])).fill(255);
  expect([...(await dataset.gather([0]))]).toEqual([0, 1, 2, 3, 4, 5]);
});

test('a subset is the first examples with their labels', async () => {
  const first = subset(images(), 4);
  expect(first.size).toBe(4);
  expect([...first.labels!]).toEqual([5, 4, 3, 2]);
  expect([...(await first.gather([3]))]).toEqual([18, 19, 20, 21, 22, 23]);
  await expect(first.gather([4])).rejects.toThrow(InvalidArgumentError);
});

test('a subset larger than the data set, or empty, is refused with both numbers', () => {
  expect(() => subset(images(), 7)).toThrow('subset: is 7, but images has 6 examples');
  expect(() => subset(images(), 0)).toThrow(InvalidArgumentError);
});

test('values that are no whole number of examples, or none, are refused', () => {
  const make = (length: number) => () =>
    arrayDataset({ name: 'bad', shape: [2, 2, 1], values: new Uint8Array(length) });
  expect(make(7)).toThrow(InvalidShapeError);
  expect(make(0)).toThrow(InvalidShapeError);
  expect(make(0)).toThrow('bad: values: expected shape [examples, 2, 2, 1], got [0]: it holds no examples');
});

test('another number of labels than examples is refused', () => {
  const make = () =>
    arrayDataset({ name: 'bad', shape: [1], values: new Uint8Array(3), labels: new Uint8Array(2) });
  expect(make).toThrow('2 labels for 3 examples');
});

test.each([8.5, 162.4, -8.5])('floats of images far from [-1, 1], such as %s, are refused', (value) => {
  const make = (shape: number[], each: number) => () =>
    arrayDataset({ name: 'bad', shape, values: Float32Array.of(0, 1, -1, each) });
  expect(make([2, 2, 1], value)).toThrow(CorruptDataError);
  expect(make([2, 2, 1], value)).toThrow(
    `bad: holds ${Math.fround(value)}: floats are of [-1, 1], which samples leave by a little and not beyond ±8; or give bytes`,
  );
  // Samples leave the range by a little, and points lie anywhere.
  expect(make([2, 2, 1], 8)().size).toBe(1);
  expect(make([2], value)().size).toBe(2);
});

test.each([NaN, Infinity, -Infinity])('a %s is refused with the number of its example', (value) => {
  const make = () =>
    arrayDataset({ name: 'bad', shape: [2], values: Float32Array.of(0, 1, 2, 3, 4, value, 6, 7) });
  expect(make).toThrow(CorruptDataError);
  expect(make).toThrow(`example 2 contains ${value}`);
});

test('examples [height, width] are grey images, of bytes and of floats', async () => {
  for (const values of [Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7), Float32Array.of(0, 1, -1, 0, 1, 0, 0, -1)]) {
    const grey = arrayDataset({ name: 'grey', shape: [2, 2], values });
    expect([grey.size, grey.shape]).toEqual([2, [2, 2, 1]]);
    expect(await grey.gather([1])).toEqual(values.slice(4));
  }
  const bright = () => arrayDataset({ name: 'grey', shape: [2, 2], values: Float32Array.of(0, 99, 0, 0) });
  expect(bright).toThrow('grey: holds 99: floats are of [-1, 1]');
});
