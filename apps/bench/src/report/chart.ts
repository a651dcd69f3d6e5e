/** The results as a chart: bars of GFLOPS with their spread, a panel a case, the machine's peak as a line. */
import { escapeXml, PALETTE, round, svg, text } from '@srmcmc/figures';
import { groupRows, type Results, type Row, summary } from '../results.ts';
import { quantile } from '../statistics.ts';
import { digits, percent } from './format.ts';

const WIDTH = 960;
/** Where bars begin: the names stand left of it. */
const LEFT = 250;
/** Where the longest bar ends: the numbers stand right of it. */
const RIGHT = WIDTH - 210;
const BAR = 16;
const PITCH = 22;
const TITLE = 30;
const GAP = 22;
const HEAD = 74;
/** The fraction of the peak that the fastest bar must reach for the peak to be drawn. */
const NEAR_PEAK = 0.25;
const MUTED = '#5b6472';
const COLOURS: Readonly<Record<Row['kind'], string>> = {
  native: PALETTE[0],
  backend: PALETTE[5],
  peer: PALETTE[4],
};
const LEGEND: readonly (readonly [Row['kind'], string])[] = [
  ['native', '@srmcmc/native'],
  ['backend', 'other backends of TensorFlow.js'],
  ['peer', "other people's programs"],
];

/** One panel for each case, each with its own scale from 0. */
export function chartSvg(results: Results): string {
  const { cpu, cores, date, load } = results.environment;
  let top = HEAD;
  const panels = groupRows(results.rows).map(({ key, rows }) => {
    const drawn = panelSvg(key, rows, top);
    top += TITLE + rows.length * PITCH + GAP;
    return drawn;
  });
  const title = `GFLOPS of short-run MCMC on ${cpu}, ${cores} cores`;
  return svg(WIDTH, Math.max(top, HEAD + GAP), title, [
    text(20, 30, title, { bold: true }),
    muted(WIDTH - 20, 30, `${date.slice(0, 10)}, load average ${load.toFixed(2)}`, 'end'),
    ...legendSvg(),
    ...panels,
  ]);
}

function legendSvg(): string[] {
  let at = 20;
  return LEGEND.map(([kind, label]) => {
    const entry = rect(at, 45, 14, 12, COLOURS[kind]) + text(at + 20, 56, label);
    at += 44 + 7 * label.length;
    return entry;
  });
}

function panelSvg(title: string, rows: readonly Row[], top: number): string {
  const fastest = Math.max(...rows.map((row) => quantile(ratesOf(row), 0.75)));
  const measured = commonPeak(rows);
  // Where nothing comes near the peak, bars drawn to its scale would all be stumps.
  const peak = measured && fastest >= NEAR_PEAK * measured.gflops ? measured : undefined;
  const longest = Math.max(peak?.gflops ?? 0, fastest);
  const place = (gflops: number): number => round(LEFT + ((RIGHT - LEFT) * gflops) / longest);
  const first = top + TITLE;
  const bottom = first + rows.length * PITCH - (PITCH - BAR);
  const bars = rows.map((row, i) => barSvg(row, first + i * PITCH, place));
  const line =
    peak === undefined
      ? ''
      : `<line x1="${place(peak.gflops)}" y1="${first - 5}" x2="${place(peak.gflops)}" y2="${bottom + 3}" stroke="${MUTED}" stroke-dasharray="4 3"/>` +
        muted(place(peak.gflops), first - 9, `${peak.label} ${digits(peak.gflops)}`, 'end');
  const axis = `<line x1="${LEFT}" y1="${first - 4}" x2="${LEFT}" y2="${bottom + 4}" stroke="${MUTED}"/>`;
  return [text(20, top + 10, title, { bold: true }), ...bars, axis, line].join('\n');
}

function barSvg(row: Row, y: number, place: (gflops: number) => number): string {
  const { gflops, fraction } = summary(row);
  const rates = ratesOf(row);
  const [low, high] = [place(quantile(rates, 0.25)), place(quantile(rates, 0.75))];
  const middle = y + BAR / 2;
  const share = fraction === null ? '' : `, ${percent(fraction.median)} of peak`;
  return [
    text(LEFT - 10, middle + 4.5, row.engine, { anchor: 'end' }),
    rect(LEFT, y, Math.max(1, round(place(gflops) - LEFT)), BAR, COLOURS[row.kind]),
    `<line x1="${low}" y1="${middle}" x2="${high}" y2="${middle}" stroke="#1c2433" stroke-width="3"/>`,
    text(Math.max(high, place(gflops)) + 8, middle + 4.5, `${digits(gflops)} GFLOPS${share}`),
  ].join('');
}

/** GFLOPS of each sample. */
function ratesOf({ seconds, operations }: Row): number[] {
  return seconds.map((one) => operations / one / 1e9);
}

/** The highest peak that a row of the panel is held against; undefined where none was measured. */
function commonPeak(rows: readonly Row[]): { gflops: number; label: string } | undefined {
  const found = rows.flatMap(({ peaks, peakPrecision }) =>
    peaks === null ? [] : [{ gflops: quantile(peaks, 1), label: `peak, ${peakPrecision}` }],
  );
  return found.reduce<(typeof found)[number] | undefined>(
    (best, one) => (best === undefined || one.gflops > best.gflops ? one : best),
    undefined,
  );
}

function rect(x: number, y: number, width: number, height: number, colour: string): string {
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${colour}"/>`;
}

function muted(x: number, y: number, content: string, anchor: 'start' | 'end'): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="${MUTED}" font-size="12">${escapeXml(content)}</text>`;
}
