import sharp from 'sharp';
import { expect, test } from 'vitest';
import { densityMap } from '../src/index.ts';

/** The RGB bytes of the pictures that an SVG holds. */
async function pictures(svg: string): Promise<number[][]> {
  const found = [...svg.matchAll(/data:image\/png;base64,([^"]*)"/g)];
  return Promise.all(
    found.map(async ([, base64]) => [
      ...(await sharp(Buffer.from(base64!, 'base64')).removeAlpha().raw().toBuffer()),
    ]),
  );
}

const map = (values: number[][], rest = {}): Promise<string> =>
  densityMap({
    title: 'two',
    panels: values.map((one, i) => ({ title: `panel ${i}`, values: one })),
    size: [2, 2],
    x: [-1, 1],
    y: [0, 5],
    ...rest,
  });

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
  const labels = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((match) => match[1]);
  expect(labels).toEqual(
    expect.arrayContaining(['two', 'panel 0', 'x₁', 'x₂', '−0.5', '0', 'log density', '4']),
  );
  const [panel] = await pictures(await map([[-Infinity, 3, 3, NaN]]));
  expect(panel).toEqual([LEAST, LEAST, LEAST, LEAST].flat());
  expect(await map([[-Infinity, NaN, 3, 3]])).not.toMatch(/NaN|Infinity/);
});
