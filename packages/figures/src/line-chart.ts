/** Curves over one axis: measurements along a run, thinned to what a screen can show, or estimates with bands. */
import {
  type Axis,
  type Frame,
  LABEL_ROOM,
  legend,
  PALETTE,
  panel,
  type Projection,
  round,
  svg,
  text,
} from './plot.ts';

export interface Series {
  readonly label: string;
  /** In order of x. */
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Half the height of a band about each point, such as two standard errors. */
  readonly errors?: readonly number[];
  /** The next of the palette unless given. */
  readonly colour?: string;
}

export interface LineChart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
  readonly xScale?: Axis['scale'];
  readonly yScale?: Axis['scale'];
  /** Places on the x axis to mark by a dashed line. */
  readonly marks?: readonly number[];
  /** Pixels; 600 by 320 unless given. */
  readonly width?: number;
  readonly height?: number;
}

const TOP = 62;
const RIGHT = 20;
/** A curve of more points than this is drawn as so many means, with a band from the least to the largest value. */
const MOST_POINTS = 250;

interface Point {
  readonly x: number;
  readonly y: number;
  readonly low: number;
  readonly high: number;
}

/** An SVG picture; values that are not finite, or not positive on a logarithmic axis, are left out. */
export function lineChart(chart: LineChart): string {
  const { title, width = 600, height = 320, xScale = 'linear', yScale = 'linear', marks = [] } = chart;
  const usable = (value: number, scale: Axis['scale']): boolean =>
    Number.isFinite(value) && (scale !== 'log' || value > 0);
  const curves = chart.series.map(({ label, points, errors, colour }, i) => ({
    label,
    colour: colour ?? PALETTE[i % PALETTE.length]!,
    points: thinned(
      points
        .map(([x, y], at) => ({ x, y, low: y - (errors?.[at] ?? 0), high: y + (errors?.[at] ?? 0) }))
        .filter(({ x, y }) => usable(x, xScale) && usable(y, yScale)),
    ),
  }));
  const all = curves.flatMap(({ points }) => points);
  const frame: Frame = {
    left: LABEL_ROOM.left,
    top: TOP,
    width: width - LABEL_ROOM.left - RIGHT,
    height: height - TOP - LABEL_ROOM.bottom,
  };
  const places = chart.series.flatMap(({ points }) => points.map(([place]) => place));
  const x: Axis = {
    label: chart.xLabel,
    scale: xScale,
    range: rangeOf(
      places.filter((place) => usable(place, xScale)),
      xScale,
      0,
    ),
  };
  const heights = all.flatMap(({ y, low, high }) => [y, low, high]).filter((value) => usable(value, yScale));
  const y: Axis = { label: chart.yLabel, scale: yScale, range: rangeOf(heights, yScale, 0.05) };
  return svg(width, height, title, [
    text(frame.left, 24, title, { bold: true }),
    ...(curves.length > 1 ? [legend(frame.left, 48, curves)] : []),
    panel(frame, { x, y }, (projection) =>
      [
        ...marks.map((mark) => dashed(projection.x(mark), frame)),
        ...curves.map(({ points, colour }) => curve(points, colour, projection, y.range[0])),
      ].join(''),
    ),
  ]);
}

function curve(points: readonly Point[], colour: string, projection: Projection, least: number): string {
  const at = (x: number, y: number): string =>
    `${round(projection.x(x))},${round(projection.y(Math.max(y, least)))}`;
  const [only] = points;
  if (only === undefined) return '';
  const upper = points.map(({ x, high }) => at(x, high));
  const lower = points.map(({ x, low }) => at(x, low)).reverse();
  const band = points.some(({ low, high }) => low < high)
    ? `<polygon points="${[...upper, ...lower].join(' ')}" fill="${colour}" fill-opacity="0.2"/>`
    : '';
  if (points.length === 1) {
    const [cx, cy] = at(only.x, only.y).split(',');
    return `${band}<circle cx="${cx}" cy="${cy}" r="3" fill="${colour}"/>`;
  }
  const centre = points.map(({ x, y }) => at(x, y)).join(' ');
  return `${band}<polyline points="${centre}" fill="none" stroke="${colour}" stroke-width="1.8" stroke-linejoin="round"/>`;
}

function dashed(x: number, { top, height }: Frame): string {
  const place = round(x);
  return `<line x1="${place}" y1="${top}" x2="${place}" y2="${top + height}" stroke="#5a6475" stroke-dasharray="4 4"/>`;
}

function thinned(points: readonly Point[]): Point[] {
  const size = Math.max(1, Math.ceil(points.length / MOST_POINTS));
  if (size === 1) return [...points];
  return Array.from({ length: Math.ceil(points.length / size) }, (_, bin) => {
    const part = points.slice(bin * size, (bin + 1) * size);
    return {
      x: mean(part.map((point) => point.x)),
      y: mean(part.map((point) => point.y)),
      low: Math.min(...part.map((point) => point.low)),
      high: Math.max(...part.map((point) => point.high)),
    };
  });
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

/** The values' range, with `margin` of itself at both ends; a constant gets a range of its own size about it. */
function rangeOf(values: readonly number[], scale: Axis['scale'], margin: number): [number, number] {
  if (values.length === 0) return scale === 'log' ? [0.1, 10] : [0, 1];
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  if (scale === 'log') {
    const room = high > low ? (high / low) ** margin : 2;
    return [low / room, high * room];
  }
  const room = high > low ? (high - low) * margin : Math.abs(high) * 0.5 || 1;
  return [low - room, high + room];
}
