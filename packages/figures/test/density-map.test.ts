import { InvalidArgumentError } from '@srmcmc/core';
import { expect, test } from 'vitest';
import { densityMap, type DensityPanel } from '../src/index.ts';
import { pictures } from './pictures.ts';

const map = (values: number[][], rest = {}, panel: Partial<DensityPanel> = {}): Promise<string> =>
  densityMap({
    title: 'two',
    panels: values.map((one, i) => ({ title: `panel ${i}`, values: one, ...panel })),
    size: [2, 2],
    x: [-1, 1],
    y: [0, 5],
    ...rest,
  });

const labels = (svg: string): string[] =>
  [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((match) => match[1]!);
/** Left and top of every panel's picture. */
const corners = (svg: string): string[] =>
  [...svg.matchAll(/<image x="([\d.]+)" y="([\d.]+)" width="260"/g)].map(([, x, y]) => `${x},${y}`);

const LEAST = [68, 1, 84];
const MOST = [253, 231, 37];
const MIDDLE = [33, 145, 140];

test('each panel has its values as colours from least to most, row by row from the top', async () => {
  const [panel, bar] = await pictures(await map([[0, 1, 2, 4]]));
  expect(panel).toEqual([...LEAST, ...[59, 82, 139], ...MIDDLE, ...MOST]);
  expect(bar!.slice(0, 3)).toEqual(MOST);
  expect(bar!.slice(-3)).toEqual(LEAST);
});

test('a shared scale gives equal values equal colours in all panels', async () => {
  const values = [
    [0, 1, 2, 2],
    [4, 4, 2, 0],
  ];
  const own = await pictures(await map(values));
  const shared = await pictures(await map(values, { sharedScale: true }));
  expect(own[0]!.slice(9)).toEqual(MOST);
  expect(shared[0]!.slice(9)).toEqual(MIDDLE);
  expect(shared[2]!.slice(6, 9)).toEqual(MIDDLE);
});

test('axes, titles and colour scale carry their numbers; constants and infinite values are drawn', async () => {
  const svg = await map([[0, 1, 2, 4]], { label: 'log density' });
  expect(labels(svg)).toEqual(
    expect.arrayContaining(['two', 'panel 0', 'x₁', 'x₂', '−0.5', '0', 'log density', '4']),
  );
  const [panel] = await pictures(await map([[-Infinity, 3, 3, NaN]]));
  expect(panel).toEqual([LEAST, LEAST, LEAST, LEAST].flat());
  expect(await map([[-Infinity, NaN, 3, 3]])).not.toMatch(/NaN|Infinity/);
  expect(labels(await map([[-Infinity, 3, 3, 4]]))).toContain('≤ 3');
});

test('a range of a panel is what its colours span, and its scale says where values are beyond', async () => {
  const svg = await map([[10, 11, 12, 14]], {}, { range: [11, 13] });
  const [panel] = await pictures(svg);
  expect(panel).toEqual([...LEAST, ...LEAST, ...MIDDLE, ...MOST]);
  expect(labels(svg)).toEqual(expect.arrayContaining(['≤ 11', '11.5', '12', '12.5', '≥ 13']));
  expect(labels(svg)).not.toContain('13');
  const whole = labels(await map([[0, 1, 2, 4]]));
  expect(whole.filter((label) => /[≤≥]/.test(label))).toEqual([]);
});

test('a range of one panel does not bend the scale that the others share', async () => {
  const panels = [
    { title: 'far', values: [-100, 100, 0, 0], range: [-100, 100] as const },
    { title: 'near', values: [0, 1, 2, 4] },
    { title: 'other', values: [0, 0, 0, 2] },
  ];
  const svg = await densityMap({
    title: '',
    panels,
    size: [2, 2],
    x: [0, 1],
    y: [0, 1],
    sharedScale: true,
  });
  const [, , near, , other] = await pictures(svg);
  expect(near!.slice(9)).toEqual(MOST);
  expect(other!.slice(9)).toEqual(MIDDLE);
});

test('panels fill one row, or rows of as many as asked for, of equal columns', async () => {
  const values = [0, 1, 2, 3, 4].map((i) => [i, 1, 2, 3]);
  const row = corners(await map(values)).map((corner) => corner.split(','));
  expect(new Set(row.map(([, y]) => y)).size).toBe(1);
  const wrapped = corners(await map(values, { panelsPerRow: 3 })).map((corner) => corner.split(','));
  expect(wrapped.map(([x]) => x)).toEqual([0, 1, 2, 0, 1].map((i) => row[i]![0]));
  expect(new Set(wrapped.map(([, y]) => y)).size).toBe(2);
});

test('a panel of too few values is refused by its number', async () => {
  await expect(
    map([
      [0, 1, 2, 3],
      [0, 1],
    ]),
  ).rejects.toThrow('panels.1.values: must be 2 × 2, got 2');
  await expect(map([[0, 1, 2]])).rejects.toThrow(InvalidArgumentError);
});
