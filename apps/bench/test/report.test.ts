import { svgToPng } from '@srmcmc/figures';
import { describe, expect, it } from 'vitest';
import { chartSvg } from '../src/report/chart.ts';
import { digits, duration, percent } from '../src/report/format.ts';
import { markdownTable, textTable } from '../src/report/table.ts';
import { about, results, row } from './results.ts';

const made = results(
  [
    row({ seconds: about(0.02, 0.05) }),
    row({ seconds: about(0.5, 0.1), engine: 'wasm', kind: 'backend' }),
    { ...row({ seconds: about(0.05, 0.1), engine: 'pytorch/float32', kind: 'peer' }), relativeError: 3e-7 },
    row({ seconds: about(0.03, 0.01), width: 64, peak: null }),
  ],
  {
    leftOut: [
      { engine: 'tensorflow', case: null, why: 'not installed' },
      { engine: 'cpu', case: 'langevin-step, n = 32', why: 'too slow: about 200 s, more than the 120 s' },
      { engine: 'cpu', case: 'langevin-step, n = 64', why: 'too slow: about 800 s, more than the 120 s' },
    ],
  },
);

describe('the table', () => {
  const text = textTable(made);
  const lines = text.split('\n');

  it('gives median, spread, rate, fraction of peak and the ratio to the peer', () => {
    expect(
      lines
        .find((line) => line.includes('native/float32/avx2'))!
        .trim()
        .split(/\s{2,}/),
    ).toEqual(['native/float32/avx2', '20 ms', '5.0 %', '50', '50 %', '2.5', 'reference', '150 MB']);
    const peer = lines
      .find((line) => line.includes('pytorch/float32 (a)'))!
      .trim()
      .split(/\s{2,}/);
    expect(peer.slice(1)).toEqual(['50 ms', '10 %', '20', '20 %', '1', '3e-7', '150 MB']);
  });

  it('says where, when and with what it was measured', () => {
    expect(lines[0]).toContain('Example 9000, 2 cores, Linux 6.1; node 20.0.0, torch 2.0; commit abc123');
    expect(lines[0]).toContain('2026-11-24, load average 0.10');
    expect(lines[0]).toContain('Medians of 11 samples of at least 0.5 s');
  });

  it('shows a dash for a fraction of a peak that nobody measured', () => {
    const start = lines.findIndex((line) => line.includes('n = 64'));
    expect(lines[start + 2]).toMatch(/33\.3\s+–\s+150 MB$/);
  });

  it('aligns its columns', () => {
    const start = lines.findIndex((line) => line.startsWith('langevin-step'));
    const ends = lines.slice(start + 1, start + 5).map((line) => line.length);
    expect(new Set(ends).size).toBe(1);
  });

  it('tells once what was left out for one reason', () => {
    expect(text).toContain('tensorflow: not installed');
    expect(text.match(/too slow/g)).toHaveLength(1);
    expect(text).toContain('cpu (2 cases): too slow');
  });

  it('has as many cells in every line of its Markdown', () => {
    const tables = markdownTable(made)
      .split('\n\n')
      .filter((block) => block.startsWith('|'));
    expect(tables).toHaveLength(2);
    for (const table of tables) {
      const cells = table
        .trim()
        .split('\n')
        .map((line) => line.split('|').length);
      expect(new Set(cells).size).toBe(1);
    }
  });
});

describe('the chart', () => {
  const svg = chartSvg(made);

  it('is an SVG that a renderer takes', async () => {
    const png = await svgToPng(svg);
    expect(png.length).toBeGreaterThan(10_000);
    await expect(svgToPng(svg.replace('</svg>', ''))).rejects.toThrow();
  });

  it('has a bar a row whose length is the rate, and numbers throughout', () => {
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    const bars = [...svg.matchAll(/<rect x="250" y="[\d.]+" width="([\d.]+)" height="16"/g)].map((m) =>
      Number(m[1]),
    );
    expect(bars).toHaveLength(4);
    expect(bars[0]! / bars[2]!).toBeCloseTo(2.5, 1);
    expect(bars[0]! / bars[1]!).toBeCloseTo(25, 0);
  });

  it('draws the peak where something comes near it', () => {
    expect(svg).toContain('peak, float32 100');
    expect(chartSvg(results([row({ seconds: [1, 1, 1] })]))).not.toContain('peak, float32');
  });

  it('keeps what a name may contain from becoming markup', () => {
    expect(chartSvg(results([row({ seconds: [1], engine: 'a<b&c' })]))).toContain('a&lt;b&amp;c');
  });
});

describe('numbers', () => {
  it.each([
    [digits(1234.4), '1234'],
    [digits(12.345), '12.3'],
    [digits(0.01234), '0.0123'],
    [duration(2.345), '2.35 s'],
    [duration(0.02), '20 ms'],
    [duration(4.5e-6), '4.5 µs'],
    [percent(0.734), '73 %'],
    [percent(0.0123), '1.2 %'],
    [percent(1e-5), '< 0.1 %'],
  ])('%s is %s', (shown, expected) => {
    expect(shown).toBe(expected);
  });
});
