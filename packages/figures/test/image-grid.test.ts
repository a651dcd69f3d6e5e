import { InvalidArgumentError } from '@srmcmc/core';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { fullestColumns, type GridShape, ImageGrid } from '../src/index.ts';

/** The size of a grid's picture, and the colour at a pixel. */
async function pictureOf(shape: GridShape, images: readonly (readonly number[])[]) {
  const grid = new ImageGrid(shape, images.length);
  images.forEach((image, i) => grid.place(i, Uint8Array.from(image)));
  const { data, info } = await sharp(await grid.png())
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number): number[] => [
    ...data.subarray((y * info.width + x) * info.channels).subarray(0, info.channels),
  ];
  return { size: [info.width, info.height], scale: grid.scale, at };
}

const plain = (side: number, ...colour: number[]): number[] =>
  Array.from({ length: side * side }, () => colour).flat();

test('every image is at its place, white between them, each pixel a square of whole pixels', async () => {
  const colours = [
    [0, 0, 0],
    [255, 0, 128],
    [0, 255, 0],
    [1, 2, 3],
  ];
  const { size, scale, at } = await pictureOf(
    [8, 8, 3],
    colours.map((colour) => plain(8, ...colour)),
  );
  expect(scale).toBe(32);
  const pitch = 8 * 32 + 2;
  expect(size).toEqual([2 * pitch + 2, 2 * pitch + 2]);
  expect(at(0, 0)).toEqual([255, 255, 255]);
  colours.forEach((colour, i) => {
    const [left, top] = [2 + (i % 2) * pitch, 2 + Math.floor(i / 2) * pitch];
    expect(at(left, top)).toEqual(colour);
    expect(at(left + pitch - 3, top + pitch - 3)).toEqual(colour);
    expect(at(left + pitch - 2, top)).toEqual([255, 255, 255]);
  });
});

test('grey images keep their levels, pixel by pixel', async () => {
  const { scale, at } = await pictureOf([2, 2, 1], [[0, 85, 170, 255]]);
  const level = (x: number, y: number): number => at(2 + x * scale, 2 + y * scale)[0]!;
  expect([level(0, 0), level(1, 0), level(0, 1), level(1, 1)]).toEqual([0, 85, 170, 255]);
});

test.each([
  [1, 1],
  [2, 2],
  [3, 3],
  [5, 3],
  [7, 4],
  [10, 5],
  [12, 4],
  [13, 5],
  [50, 10],
  [64, 8],
  [1000, 40],
])('%i images have %i columns: the fewest empty places, at most three times as wide as high', (n, c) => {
  expect(fullestColumns(n)).toBe(c);
});

test('many images are not enlarged beyond what programs open, and too many are refused, as are other channels', () => {
  expect(new ImageGrid([32, 32, 3], 64).scale).toBe(2);
  expect(new ImageGrid([32, 32, 3], 40_000).scale).toBe(1);
  expect(() => new ImageGrid([32, 32, 3], 80_000)).toThrow('count: 80000 images make a picture');
  expect(() => new ImageGrid([4, 4, 4], 1)).toThrow(InvalidArgumentError);
});

test.each([
  ['index', -1, 4],
  ['index', 3, 4],
  ['index', 0.5, 4],
  ['index', NaN, 4],
  ['image', 0, 3],
  ['image', 0, 5],
])('an image is refused by name: %s, for place %d of three and %d of four bytes', (field, index, bytes) => {
  const grid = new ImageGrid([2, 2, 1], 3);
  expect(() => grid.place(index, new Uint8Array(bytes))).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT', field }),
  );
});

test.each([0, -1, 1.5, NaN])('a grid of %d images, or of as many columns, is refused', (count) => {
  expect(() => new ImageGrid([32, 32, 3], count)).toThrow(
    `count: must be an integer of at least 1, got ${count}`,
  );
  expect(() => new ImageGrid([32, 32, 3], 4, count)).toThrow(
    `columns: must be an integer of at least 1, got ${count}`,
  );
});
