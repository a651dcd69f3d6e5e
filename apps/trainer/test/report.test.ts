import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { chartSvg } from '../src/chart.ts';
import { resolveConfig } from '../src/config.ts';
import { main } from '../src/command.ts';
import { writeReport } from '../src/report.ts';
import { runFolderAt } from '../src/run-folder.ts';
import { train } from '../src/train.ts';
import { temporaryFolder, tinyImageFields, writeImages } from './fixtures.ts';

test('a report is one file that holds the run: command, configuration, versions, curves, the very pictures', async () => {
  const folder = await temporaryFolder();
  const config = resolveConfig({
    ...tinyImageFields(await writeImages(folder)),
    runs: join(folder, 'runs'),
    name: 'shown',
    iterations: 6,
    sampleEvery: 2,
  });
  const command = 'srmcmc-train --name "shown" & <more>';
  const run = await train(config, { command });
  const html = await readFile(run.folder.report, 'utf8');

  expect(html).toContain('srmcmc-train --name &quot;shown&quot; &amp; &lt;more&gt;');
  expect(html).toContain('6 of 6 iterations');
  expect(html).toContain('images [8, 8, 3], 64 examples');
  expect(html).toContain(`node ${process.version}`);
  expect(html).toMatch(/Backend<\/dt><dd>cpu/);
  for (const field of Object.keys(config)) expect(html).toContain(`<code>${field}</code>`);
  expect(html.match(/<svg /g)).toHaveLength(7);

  const names = (await readdir(run.folder.samples)).sort();
  expect(names.map((name) => Number(/\d+/.exec(name)![0]))).toEqual([0, 2, 4, 6]);
  for (const name of names) {
    expect(html).toContain((await readFile(join(run.folder.samples, name))).toString('base64'));
  }
  // Nothing is fetched: no scripts, and no address in any attribute.
  expect(html).not.toMatch(/<script|<link|(src|href)="(?!data:)|url\(|https?:/);
});

test('a report can be written again, and shows twelve pictures at most, first and last among them', async () => {
  const folder = await temporaryFolder();
  const config = resolveConfig({
    ...tinyImageFields(await writeImages(folder)),
    runs: join(folder, 'runs'),
    name: 'many',
    iterations: 30,
    sampleEvery: 1,
  });
  const run = await train(config);
  await writeFile(run.folder.report, '');
  const text: string[] = [];
  const stream = { write: (line: string) => text.push(line) };
  expect(await main(['report', run.folder.path], { stdout: stream, stderr: stream })).toBe(0);
  expect(text).toEqual([`report: ${run.folder.report}\n`]);
  const html = await readFile(run.folder.report, 'utf8');
  const shown = [...html.matchAll(/<figcaption>iteration (\d+)</g)].map((match) => Number(match[1]));
  expect(shown).toHaveLength(12);
  expect([shown[0], shown.at(-1)]).toEqual([0, 30]);
});

test('a run that was broken off before its first iteration still has a report', async () => {
  const folder = runFolderAt(await temporaryFolder());
  await mkdir(folder.samples);
  await writeFile(folder.config, JSON.stringify(resolveConfig({})));
  await writeReport(folder);
  expect(await readFile(folder.report, 'utf8')).toContain('0 of 700 iterations');
});

const labels = (svg: string): string[] =>
  [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((match) => match[1]!);

test('a chart has round ticks, axis labels, and its curve where the numbers say', () => {
  const points = Array.from({ length: 101 }, (_, i) => [i, i * i] as const);
  const svg = chartSvg({
    title: 'A & B',
    xLabel: 'iteration',
    yLabel: 'value, m',
    series: [{ label: 'square', colour: '#000', points }],
  });
  expect(labels(svg)).toEqual([
    'A &amp; B',
    ...['0', '2000', '4000', '6000', '8000', '10000'],
    ...['0', '20', '40', '60', '80', '100'],
    'iteration',
    'value, m',
  ]);
  const line = /<polyline points="([^"]*)"/
    .exec(svg)![1]!
    .split(' ')
    .map((pair) => pair.split(',').map(Number));
  expect(line).toHaveLength(101);
  // Linear axes: the pixel of x = 50 is midway, that of y = 2500 a quarter of the way up.
  const [[x0, y0], [x50, y50], [x100, y100]] = [line[0]!, line[50]!, line[100]!] as [
    number[],
    number[],
    number[],
  ];
  expect(x50! - x0!).toBeCloseTo((x100! - x0!) / 2, 0);
  expect(y50! - y0!).toBeCloseTo((y100! - y0!) / 4, 0);
});

test('thousands of points are drawn as few, their extremes kept as a band', () => {
  const points = Array.from({ length: 10_000 }, (_, i) => [i, i === 5000 ? 100 : 0] as const);
  const svg = chartSvg({
    title: '',
    xLabel: '',
    yLabel: '',
    series: [{ label: '', colour: '#000', points }],
  });
  const heights = (shape: string): number[] =>
    new RegExp(`<${shape} points="([^"]*)"`)
      .exec(svg)![1]!
      .split(' ')
      .map((pair) => Number(pair.split(',')[1]));
  expect(heights('polyline')).toHaveLength(250);
  expect(Math.min(...heights('polygon'))).toBeLessThan(Math.min(...heights('polyline')) - 50);
});

test('a logarithmic axis has powers of ten at equal distances; constants and single points are drawn, too', () => {
  const chart = { title: '', xLabel: '', yLabel: '', log: true };
  const series = (points: (readonly [number, number])[]) => [{ label: '', colour: '#000', points }];
  const svg = chartSvg({
    ...chart,
    series: series([
      [0, 1e-6],
      [1, 1],
      [2, 1e2],
    ]),
  });
  expect(labels(svg)).toEqual(expect.arrayContaining(['1e-6', '0.001', '1', '100']));
  for (const points of [
    [[0, 3]],
    [
      [0, 3],
      [1, 3],
    ],
    [[0, 0]],
  ] as (readonly [number, number])[][]) {
    expect(chartSvg({ ...chart, log: false, series: series(points) })).not.toMatch(/NaN|Infinity/);
  }
  expect(chartSvg({ ...chart, series: series([]) })).toBe('');
});
