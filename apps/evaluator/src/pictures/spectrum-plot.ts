/** The power spectra of samples and data, and below them their ratio, in which a gap is easier to see. */
import type { Comparison, SpectrumRow } from '../moments/comparison.ts';
import type { Estimate } from '../moments/jackknife.ts';
import { type Axis, type Frame, panel, type Projection, round, svg, text } from '@srmcmc/figures';

const WIDTH = 760;
const SPECTRA: Frame = { left: 90, top: 60, width: 640, height: 330 };
const RATIO: Frame = { left: 90, top: 460, width: 640, height: 180 };
const HEIGHT = 705;
/** Bands show ± this many standard errors. */
const BAND = 2;

interface Series {
  readonly label: string;
  readonly colour: string;
  of(row: SpectrumRow): Estimate;
}

const SAMPLES: Series = { label: 'samples', colour: '#c8402a', of: (row) => row.samples };
const DATA: Series = { label: 'data', colour: '#1f4e8c', of: (row) => row.data };
const OTHER_DATA: Series = { label: 'other data', colour: '#7f9cc0', of: (row) => row.otherData };
const SERIES = [OTHER_DATA, DATA, SAMPLES];

/** An SVG picture of a comparison of images; `title` says whose samples and which data. */
export function spectrumPlot({ powerSpectrum: rows }: Comparison, title: string): string {
  const last = rows.at(-1)!.frequency;
  const x: Axis = {
    label: 'spatial frequency (cycles per image side)',
    scale: 'log',
    range: [0.93, last * 1.07],
  };
  const power: Axis = {
    label: 'power (mean |DFT|² per pixel)',
    scale: 'log',
    range: padded(
      rows.flatMap((row) => SERIES.flatMap(({ of }) => bounds(of(row)).filter((value) => value > 0))),
    ),
  };
  const ratios = rows.map((row) => ({
    frequency: row.frequency,
    samples: ratio(row.samples, row.data),
    otherData: ratio(row.otherData, row.data),
  }));
  const ratioAxis: Axis = {
    label: 'ratio to data',
    scale: 'log',
    range: padded([
      0.8,
      1.25,
      ...ratios.flatMap(({ samples, otherData }) => [...bounds(samples), ...bounds(otherData)]),
    ]),
  };
  return svg(WIDTH, HEIGHT, title, [
    text(SPECTRA.left, 26, title, { bold: true }),
    legend(),
    panel(SPECTRA, { x, y: power }, (projection) =>
      SERIES.map(({ colour, of }) =>
        curve(
          projection,
          colour,
          rows.map((row) => [row.frequency, of(row)]),
        ),
      ).join(''),
    ),
    panel(RATIO, { x, y: ratioAxis }, (projection) => {
      const one = round(projection.y(1));
      return [
        `<line x1="${RATIO.left}" y1="${one}" x2="${RATIO.left + RATIO.width}" y2="${one}" stroke="#888888"/>`,
        curve(
          projection,
          OTHER_DATA.colour,
          ratios.map(({ frequency, otherData }) => [frequency, otherData]),
        ),
        curve(
          projection,
          SAMPLES.colour,
          ratios.map(({ frequency, samples }) => [frequency, samples]),
        ),
      ].join('');
    }),
  ]);
}

/** By the delta method: the relative errors of two independent estimates add in squares. */
function ratio(a: Estimate, b: Estimate): Estimate {
  const value = a.value / b.value;
  const standardError = value * Math.hypot(a.standardError / a.value, b.standardError / b.value);
  return { name: 'ratio', value, standardError };
}

function bounds({ value, standardError }: Estimate): [number, number] {
  return [value - BAND * standardError, value + BAND * standardError];
}

/** A range on a logarithmic axis around positive values, with some room. */
function padded(values: readonly number[]): [number, number] {
  const positive = values.filter((value) => value > 0 && Number.isFinite(value));
  const low = Math.min(...positive);
  const high = Math.max(...positive);
  const room = Math.max((high / low) ** 0.06, 1.02);
  return [low / room, high * room];
}

function curve(
  projection: Projection,
  colour: string,
  points: readonly (readonly [number, Estimate])[],
): string {
  // A band that reaches below zero is cut at a value far below any axis.
  const y = (value: number): number => round(projection.y(Math.max(value, 1e-30)));
  const at = (frequency: number, value: number): string => `${round(projection.x(frequency))},${y(value)}`;
  const centre = points.map(([frequency, { value }]) => at(frequency, value));
  const upper = points.map(([frequency, estimate]) => at(frequency, bounds(estimate)[1]));
  const lower = points.map(([frequency, estimate]) => at(frequency, bounds(estimate)[0])).reverse();
  const dots = centre.map((point) => {
    const [cx, cy] = point.split(',');
    return `<circle cx="${cx}" cy="${cy}" r="2.6" fill="${colour}"/>`;
  });
  return [
    `<polygon points="${[...upper, ...lower].join(' ')}" fill="${colour}" fill-opacity="0.22"/>`,
    `<polyline points="${centre.join(' ')}" fill="none" stroke="${colour}" stroke-width="1.8"/>`,
    ...dots,
  ].join('');
}

function legend(): string {
  const y = 47;
  const entries = [SAMPLES, DATA, OTHER_DATA].map(({ label, colour }, i) => {
    const x = SPECTRA.left + 115 * i;
    return `<line x1="${x}" y1="${y - 4}" x2="${x + 24}" y2="${y - 4}" stroke="${colour}" stroke-width="3"/>${text(x + 31, y, label)}`;
  });
  return [
    ...entries,
    text(SPECTRA.left + SPECTRA.width, y, `bands: ±${BAND} standard errors`, { anchor: 'end' }),
  ].join('');
}
