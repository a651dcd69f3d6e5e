import { expect, test } from 'vitest';
import { heading, ticks } from '../src/plot.ts';

type Range = readonly [number, number];

test('a range of 8.25 in 260 pixels has five numbers, and not the 0 alone', () => {
  expect(ticks({ range: [-4.125, 4.125] }, 'x', 260)).toEqual([-4, -2, 0, 2, 4]);
});

test.each([
  ['less than a decade', [20, 60], [20, 30, 50]],
  ['a decade', [11, 95], [20, 30, 50, 70]],
  ['between two powers', [2.1, 2.9], [2.2, 2.4, 2.6, 2.8]],
  ['two and a half decades', [1.1, 900], [2, 5, 10, 20, 50, 100, 200, 500]],
  ['many decades', [1e-3, 1e2], [1e-3, 1e-2, 1e-1, 1, 1e1, 1e2]],
] as [string, Range, number[]][])(
  '%s of a logarithmic axis has more numbers than powers',
  (_, range, some) => {
    expect(ticks({ scale: 'log', range }, 'x', 342).map((value) => Number(value.toPrecision(9)))).toEqual(
      some,
    );
  },
);

test.each(['linear', 'log'] as const)(
  'every %s range has two numbers or more, and none beyond it',
  (scale) => {
    const lengths = [120, 180, 260, 340, 640];
    for (const direction of ['x', 'y'] as const) {
      for (const length of lengths) {
        for (let i = 0; i < 400; i++) {
          const low = scale === 'log' ? 10 ** ((i % 20) / 7 - 3) : (i % 20) - 10.37;
          const high = scale === 'log' ? low * 10 ** ((1 + i / 4) / 20) : low + 10 ** (i / 50 - 3);
          const found = ticks({ scale, range: [low, high] }, direction, length);
          expect(found.length, `${scale} ${low} ${high} ${length}`).toBeGreaterThanOrEqual(2);
          expect(found.length * 16).toBeLessThanOrEqual(length + 16);
          for (const value of found) {
            expect(value).toBeGreaterThanOrEqual(low - 1e-6 * Math.abs(high));
            expect(value).toBeLessThanOrEqual(high + 1e-6 * Math.abs(high));
          }
        }
      }
    }
  },
);

test.each([
  ['a short title', 'Energy', 300, 13],
  ['a long one', 'Energy of the samples of all chains, and of data', 270, 9.8],
  [
    'a very long one',
    'Energy of the samples of all chains, of which some start from the data and others do not',
    270,
    9,
  ],
])('%s keeps within its room', (_, title, room, size) => {
  const [, letters, shown] = /font-size="([\d.]+)".*>(.*)<\/text>/.exec(heading(0, 0, title, room)) ?? [
    '',
    '13',
    title,
  ];
  expect(Number(letters)).toBeCloseTo(size, 1);
  expect((shown!.length * 7.45 * Number(letters)) / 13).toBeLessThanOrEqual(room + 1);
  expect(shown!.replace('…', '')).toBe(title.slice(0, shown!.replace('…', '').length));
});
