import { expect, test } from 'vitest';
import { lineChart, type LineChart, lineCharts, type Series, svgToPng } from '../src/index.ts';
import sharp from 'sharp';

const chart = (series: readonly Series[], rest: Partial<LineChart> = {}): string =>
  lineChart({ title: 'A & B', xLabel: 'iteration', yLabel: 'value, m', series, ...rest });
const labels = (svg: string): string[] =>
  [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((match) => match[1]!);
const corners = (svg: string, shape: string): [number, number][] =>
  new RegExp(`<${shape} points="([^"]*)"`)
    .exec(svg)![1]!
    .split(' ')
    .map((pair) => pair.split(',').map(Number) as [number, number]);

test('a chart has round ticks, its labels, and its curve where the numbers say', () => {
  const points = Array.from({ length: 101 }, (_, i) => [i, i * i] as const);
  const svg = chart([{ label: 'square', points }]);
  expect(labels(svg)).toEqual([
    'A &amp; B',
    ...['0', '20', '40', '60', '80', '100'],
    ...['0', '2000', '4000', '6000', '8000', '10000'],
    'iteration',
    'value, m',
  ]);
  const line = corners(svg, 'polyline');
  expect(line).toHaveLength(101);
  // Linear axes: the pixel of x = 50 is midway, that of y = 2500 a quarter of the way up.
  const [[x0, y0], [x50, y50], [x100, y100]] = [line[0]!, line[50]!, line[100]!];
  expect(x50 - x0).toBeCloseTo((x100 - x0) / 2, 0);
  expect(y50 - y0).toBeCloseTo((y100 - y0) / 4, 0);
});

test('thousands of points are drawn as few, their extremes kept as a band', () => {
  const points = Array.from({ length: 10_000 }, (_, i) => [i, i === 5000 ? 100 : 0] as const);
  const svg = chart([{ label: '', points }]);
  const heights = (shape: string): number[] => corners(svg, shape).map(([, y]) => y);
  expect(heights('polyline')).toHaveLength(250);
  expect(Math.min(...heights('polygon'))).toBeLessThan(Math.min(...heights('polyline')) - 50);
});

test('given errors are a band of that half-height, cut off at the frame', () => {
  const points = [
    [1, 1],
    [2, 3],
  ] as const;
  const svg = chart([{ label: '', points, errors: [0.5, 1] }]);
  const [[, first], [, second]] = corners(svg, 'polyline') as [[number, number], [number, number]];
  const [[, high], , , [, low]] = corners(svg, 'polygon') as [number, number][] as [
    [number, number],
    unknown,
    unknown,
    [number, number],
  ];
  const unit = (first - second) / 2;
  expect(first - high).toBeCloseTo(0.5 * unit, 0);
  expect(low - first).toBeCloseTo(0.5 * unit, 0);
});

test('a logarithmic axis has powers of ten at equal distances and leaves out what is not positive', () => {
  const points = [
    [0, 1e-6],
    [1, 1],
    [2, -5],
    [3, 1e2],
  ] as const;
  const svg = chart([{ label: '', points }], { yScale: 'log' });
  expect(labels(svg)).toEqual(expect.arrayContaining(['1e−6', '0.001', '1', '100']));
  expect(corners(svg, 'polyline')).toHaveLength(2);
  expect(svg.match(/<circle/g)).toHaveLength(1);
});

test.each(['linear', 'log'] as const)(
  'a constant is level on a %s axis, whatever its means round to',
  (yScale) => {
    const points = Array.from({ length: 700 }, (_, i) => [i, 0.05] as const);
    const svg = lineChart({ title: '', xLabel: '', yLabel: '', yScale, series: [{ label: '', points }] });
    const [, line] = /<polyline points="([^"]+)"/.exec(svg)!;
    const heights = line!.split(' ').map((point) => Number(point.split(',')[1]));
    expect(heights.length).toBeGreaterThan(100);
    expect(Math.max(...heights) - Math.min(...heights)).toBeLessThan(0.01);
  },
);

test('constants, single points, nothing and numbers that are none are drawn without a bad coordinate', () => {
  const cases: (readonly [number, number])[][] = [
    [[0, 3]],
    [
      [0, 3],
      [1, 3],
    ],
    [[0, 0]],
    [],
    [
      [0, NaN],
      [1, Infinity],
      [2, 1],
    ],
  ];
  for (const points of cases) expect(chart([{ label: '', points }])).not.toMatch(/NaN|Infinity/);
});

test('several curves have a legend and colours of their own; marks are dashed lines at their places', () => {
  const points = [
    [0, 0],
    [10, 1],
  ] as const;
  const svg = chart(
    [
      { label: 'data', points },
      { label: 'samples', points },
    ],
    { marks: [5] },
  );
  expect(labels(svg)).toEqual(expect.arrayContaining(['data', 'samples']));
  expect(new Set([...svg.matchAll(/<polyline[^>]* stroke="([^"]*)"/g)].map((match) => match[1])).size).toBe(
    2,
  );
  const [[left], [right]] = corners(svg, 'polyline') as [[number, number], [number, number]];
  const mark = Number(/<line x1="([\d.]+)"[^>]*dasharray/.exec(svg)![1]);
  expect(mark).toBeCloseTo((left + right) / 2, 0);
});

test('a PNG has two pixels for one unit', async () => {
  const png = await svgToPng(chart([], { width: 300, height: 200 }));
  const { format, width, height } = await sharp(png).metadata();
  expect({ format, width, height }).toEqual({ format: 'png', width: 600, height: 400 });
});

test('dots stand at the points; an area is closed along the foot of the axis and has no line', () => {
  const points = [
    [0, 1],
    [1, 3],
    [2, 2],
  ] as const;
  const dotted = chart([{ label: '', points, style: 'dots' }]);
  const centres = [...dotted.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [+x!, +y!]);
  expect(centres).toEqual(corners(dotted, 'polyline'));
  const filled = chart([{ label: '', points, style: 'area' }], { yRange: [0, 4] });
  expect(filled).not.toContain('<polyline');
  const [, , , right, left] = corners(filled, 'polygon') as [number, number][];
  const foot = Number(/<clipPath[^>]*><rect[^>]* y="([\d.]+)"/.exec(filled)![1]);
  const height = Number(/<clipPath[^>]*><rect[^>]* height="([\d.]+)"/.exec(filled)![1]);
  expect([right![1], left![1]]).toEqual([foot + height, foot + height]);
});

test('a given range of y is what the axis spans', () => {
  const points = [
    [0, 1],
    [1, 2],
  ] as const;
  const svg = chart([{ label: '', points }], { yRange: [0, 4] });
  expect(labels(svg)).toEqual(expect.arrayContaining(['0', '4']));
  const [[, low], [, high]] = corners(svg, 'polyline') as [[number, number], [number, number]];
  const height = Number(/<clipPath[^>]*><rect[^>]* height="([\d.]+)"/.exec(svg)![1]);
  expect(low - high).toBeCloseTo(height / 4, 0);
});

test('charts stand in rows, each as it is alone', () => {
  const points = [
    [0, 1],
    [1, 2],
  ] as const;
  const one = (title: string): LineChart => ({
    title,
    xLabel: 'x',
    yLabel: 'y',
    series: [{ label: '', points }],
    width: 300,
    height: 200,
  });
  const svg = lineCharts({ title: 'three', charts: ['a', 'b', 'c'].map(one), chartsPerRow: 2 });
  expect(/<svg[^>]* width="(\d+)"/.exec(svg)![1]).toBe('600');
  expect(labels(svg)).toEqual(expect.arrayContaining(['three', 'a', 'b', 'c']));
  const lines = [...svg.matchAll(/<polyline points="([\d.]+),([\d.]+)/g)].map(([, x, y]) => [+x!, +y!]);
  const [alone] = corners(lineChart(one('a')), 'polyline') as [[number, number]];
  const [[x, y]] = lines as [[number, number]];
  expect(x).toBe(alone[0]);
  expect(lines).toEqual([
    [x, y],
    [x + 300, y],
    [x, y + 200],
  ]);
});

test('a series without a label is drawn and left out of the legend', () => {
  const svg = chart([
    {
      label: 'line',
      points: [
        [0, 0],
        [1, 1],
      ],
    },
    { label: '', points: [[0.5, 0.5]] },
    {
      label: 'other',
      points: [
        [0, 1],
        [1, 0],
      ],
    },
  ]);
  expect(labels(svg).slice(1, 3)).toEqual(['line', 'other']);
  expect(labels(svg)).not.toContain('');
  expect(svg).toContain('<circle');
});

test('a legend shows an area as it is filled, and a line as a line', () => {
  const points = [
    [0, 1],
    [1, 2],
  ] as const;
  const svg = chart([
    { label: 'truth', points, style: 'area', colour: '#123456' },
    { label: 'samples', points, colour: '#654321' },
  ]);
  const filled = /<polygon [^>]*fill="#123456" fill-opacity="([\d.]+)"/.exec(svg)![1];
  expect(/<rect [^>]*fill="#123456" fill-opacity="([\d.]+)"/.exec(svg)![1]).toBe(filled);
  expect(svg).not.toContain('stroke="#123456"');
  expect(svg).toMatch(/<line [^>]*stroke="#654321"/);
});

test('dots at the ends of an axis are whole', () => {
  const points = [
    [5, 1],
    [500, 2],
  ] as const;
  for (const xScale of ['linear', 'log'] as const) {
    const svg = chart([{ label: '', points, style: 'dots' }], { xScale });
    const [, left, width] = /<clipPath[^>]*><rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"/
      .exec(svg)!
      .map(Number) as [number, number, number];
    for (const [x] of corners(svg, 'polyline')) {
      expect(x).toBeGreaterThan(left + 4);
      expect(x).toBeLessThan(left + width - 4);
    }
  }
});

test('dots on the frame are whole in a narrow chart and at the ends of a given range, and none is outside', () => {
  const points = [
    [1, 0.5],
    [2, 4],
    [3, 1],
    [4, 2],
  ] as const;
  const svg = chart([{ label: '', points, style: 'dots' }], { yRange: [1, 2], width: 250 });
  const [inside, over] = svg.split('</g>') as [string, string];
  expect(inside).not.toContain('<circle');
  expect(over.match(/<circle/g)).toHaveLength(2);
});

test('a curve has a gap where a value is not finite, and the rest is thinned as a whole', () => {
  const svg = chart([{ label: '', points: [0, 1, NaN, 3, 4, 5].map((y, x) => [x, y] as const) }]);
  const lines = [...svg.matchAll(/<polyline points="([^"]*)"/g)].map(
    ([, points]) => points!.split(' ').length,
  );
  expect(lines).toEqual([2, 3]);
  const many = Array.from({ length: 1000 }, (_, x) => [x, x === 500 ? NaN : x % 7] as const);
  const pieces = [...chart([{ label: '', points: many }]).matchAll(/<polyline points="([^"]*)"/g)];
  expect(pieces.map(([, points]) => points!.split(' ').length)).toEqual([125, 125]);
});

test('a legend that is wider than the chart goes on in rows, above the frame', () => {
  const points = [
    [0, 1],
    [1, 2],
  ] as const;
  const series = Array.from({ length: 9 }, (_, i) => ({ label: `a long label, number ${i}`, points }));
  const svg = chart(series);
  const entries = [...svg.matchAll(/<text x="([\d.]+)" y="([\d.]+)"[^>]*>(a long label[^<]*)/g)];
  expect(entries).toHaveLength(9);
  const frameTop = Number(/<clipPath[^>]*><rect[^>]* y="([\d.]+)"/.exec(svg)![1]);
  for (const [, x, y, label] of entries) {
    expect(Number(x) + 7 * label!.length).toBeLessThan(600);
    expect(Number(y)).toBeLessThan(frameTop);
  }
});
