import { InvalidArgumentError } from '@srmcmc/core';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { embedPixels, imageTable, svg, svgToPng } from '../src/index.ts';
import { pictures } from './pictures.ts';

const plain = (red: number, green: number, blue: number): Uint8Array =>
  Uint8Array.from({ length: 4 * 4 * 3 }, (_, i) => [red, green, blue][i % 3]!);

const ROWS = [
  { label: 'K = 10', images: [plain(255, 0, 0), plain(0, 255, 0)] },
  { label: 'K < 20', note: 'as learned', marked: true, images: [plain(0, 0, 255), plain(9, 8, 7)] },
];

test('each row has its name, then its images from left to right, drawn where the picture says', async () => {
  const table = await imageTable({ title: 'two', shape: [4, 4, 3], rows: ROWS });
  expect(await pictures(table)).toEqual(ROWS.flatMap(({ images }) => images.map((image) => [...image])));
  const labels = [...table.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((match) => match[1]);
  expect(labels).toEqual(['two', 'K = 10', 'K &lt; 20', 'as learned']);
  const places = [...table.matchAll(/<image x="([\d.]+)" y="([\d.]+)" width="64" height="64"/g)].map(
    ([, x, y]) => [Number(x), Number(y)] as const,
  );
  const { data, info } = await sharp(Buffer.from(await svgToPng(table)))
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const seen = places.map(([x, y]) => {
    const at = ((2 * y + 64) * info.width + 2 * x + 64) * 3;
    return [...data.subarray(at, at + 3)];
  });
  expect(seen).toEqual(ROWS.flatMap(({ images }) => images.map((image) => [...image.slice(0, 3)])));
});

test('a white image is seen on white paper by its edge', async () => {
  const rows = [{ label: '', images: [plain(255, 255, 255)] }];
  const table = await imageTable({ title: '', shape: [4, 4, 3], rows });
  const [, x, y] = /<image x="([\d.]+)" y="([\d.]+)"/.exec(table)!.map(Number) as [number, number, number];
  const { data, info } = await sharp(Buffer.from(await svgToPng(table)))
    .greyscale()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const row = (2 * y + 64) * info.width;
  expect(data[row + 2 * x]).toBe(255);
  expect(data[row + 2 * x - 1]).toBeLessThan(200);
  expect(data[row + 2 * x - 3]).toBe(255);
});

test('pixels are squares with sharp, and blended into each other without', async () => {
  const frame = { left: 0, top: 0, width: 40, height: 20 };
  const middle = async (sharply: boolean): Promise<Set<number>> => {
    const picture = await embedPixels(frame, Uint8Array.of(0, 255), [1, 2, 1], sharply);
    const png = await svgToPng(svg(40, 20, '', [picture]));
    const { data, info } = await sharp(Buffer.from(png))
      .greyscale()
      .raw()
      .toBuffer({ resolveWithObject: true });
    const row = data.subarray(20 * info.width, 21 * info.width);
    return new Set(row);
  };
  expect(await middle(true)).toEqual(new Set([0, 255]));
  expect((await middle(false)).size).toBeGreaterThan(10);
});

test('images of another shape, or neither grey nor RGB, are refused by their place', async () => {
  const rows = [ROWS[0]!, { label: '', images: [plain(1, 2, 3), new Uint8Array(7)] }];
  await expect(imageTable({ title: '', shape: [4, 4, 3], rows })).rejects.toThrow(
    'rows.1.images.1: must have 4 × 4 × 3 bytes, got 7',
  );
  await expect(imageTable({ title: '', shape: [4, 4, 2], rows: [] })).rejects.toThrow(InvalidArgumentError);
});
