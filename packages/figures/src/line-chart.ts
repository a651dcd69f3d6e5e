/** Curves over one axis: measurements along a run, thinned to what a screen can show, or estimates with bands. */
import {
  type Axis,
  type Frame,
  heading,
  LABEL_ROOM,
  legend,
  legendRows,
  PALETTE,
  panel,
  type Projection,
  round,
  svg,
} from './plot.ts';

export interface Series {
  /** In the legend, unless it is empty. */
  readonly label: string;
  /** In order of x. */
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Half the height of a band about each point, such as two standard errors. */
  readonly errors?: readonly number[];
  /** The next of the palette unless given. */
  readonly colour?: string;
  /** A line unless given; `dots` adds a dot at every point, `area` fills what is below and has no line. */
  readonly style?: 'line' | 'dots' | 'area';
}

export interface LineChart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
  readonly xScale?: Axis['scale'];
  readonly yScale?: Axis['scale'];
  /** What the y axis spans, such that charts can be compared; as the values need unless given. */
  readonly yRange?: Axis['range'];
  /** Places on the x axis to mark by a dashed line. */
  readonly marks?: readonly number[];
  /** Pixels; 600 by 320 unless given. */
  readonly width?: number;
  readonly height?: number;
}

const TOP = 62;
/** From one row of a legend to the next. */
const LEGEND_PITCH = 20;
const RIGHT = 20;
/** Of the x axis at both ends, where dots are, which would stand on the frame. */
const DOT_MARGIN = 0.02;
/** A curve of more points than this is drawn as so many means, with a band from the least to the largest value. */
const MOST_POINTS = 250;
const AREA_OPACITY = 0.35;

interface Point {
  readonly x: number;
  readonly y: number;
  readonly low: number;
  readonly high: number;
}

export interface LineCharts {
  readonly title: string;
  /** All as large as the first; a chart's title stands above it. */
  readonly charts: readonly LineChart[];
  /** Charts side by side before the next row of them; all unless given. */
  readonly chartsPerRow?: number;
}

const HEADING = 40;

/** An SVG picture; a curve has a gap where its values are not finite, or not positive on a logarithmic axis. */
export function lineChart(chart: LineChart): string {
  const [width, height] = sizeOf(chart);
  return svg(width, height, chart.title, chartAt(chart, 0, 0, [width, height]));
}

/** Charts in rows, an SVG picture. */
export function lineCharts({ title, charts, chartsPerRow = charts.length }: LineCharts): string {
  const [first] = charts;
  const [width, height] = first === undefined ? [0, 0] : sizeOf(first);
  const rows = Math.ceil(charts.length / chartsPerRow);
  const all = Math.min(chartsPerRow, charts.length) * width;
  return svg(all, HEADING + rows * height, title, [
    heading(LABEL_ROOM.left, 24, title, all - LABEL_ROOM.left - RIGHT),
    ...charts.flatMap((chart, i) => {
      const [column, row] = [i % chartsPerRow, Math.floor(i / chartsPerRow)];
      return chartAt(chart, column * width, HEADING + row * height, [width, height]);
    }),
  ]);
}

function sizeOf({ width = 600, height = 320 }: LineChart): [width: number, height: number] {
  return [width, height];
}

function chartAt(
  chart: LineChart,
  left: number,
  top: number,
  [width, height]: readonly [number, number],
): string[] {
  const { title, xScale = 'linear', yScale = 'linear', yRange, marks = [] } = chart;
  const usable = (value: number, scale: Axis['scale']): boolean =>
    Number.isFinite(value) && (scale !== 'log' || value > 0);
  const curves = chart.series.map(({ label, points, errors, colour, style = 'line' }, i): Curve => ({
    label,
    style,
    colour: colour ?? PALETTE[i % PALETTE.length]!,
    pieces: unbroken(
      points.map(([x, y], at) => ({ x, y, low: y - (errors?.[at] ?? 0), high: y + (errors?.[at] ?? 0) })),
      ({ x, y }) => usable(x, xScale) && usable(y, yScale),
    ).map((piece) => thinned(piece, points.length)),
  }));
  const all = curves.flatMap(({ pieces }) => pieces.flat());
  const entries = curves
    .filter(({ label }) => label !== '')
    .map((one) => ({ ...one, fillOpacity: one.style === 'area' ? AREA_OPACITY : undefined }));
  const rows = curves.length > 1 ? legendRows(entries, width - LABEL_ROOM.left) : [];
  const above = TOP + Math.max(0, rows.length - 1) * LEGEND_PITCH;
  const frame: Frame = {
    left: left + LABEL_ROOM.left,
    top: top + above,
    width: width - LABEL_ROOM.left - RIGHT,
    height: height - above - LABEL_ROOM.bottom,
  };
  const places = chart.series.flatMap(({ points }) => points.map(([place]) => place));
  const x: Axis = {
    label: chart.xLabel,
    scale: xScale,
    range: rangeOf(
      places.filter((place) => usable(place, xScale)),
      xScale,
      curves.some((one) => dotted(one).length > 0) ? DOT_MARGIN : 0,
    ),
  };
  const heights = all.flatMap(({ y, low, high }) => [y, low, high]).filter((value) => usable(value, yScale));
  const range = yRange ?? rangeOf(heights, yScale, 0.05);
  const y: Axis = { label: chart.yLabel, scale: yScale, range };
  return [
    heading(frame.left, top + 24, title, frame.width + RIGHT),
    ...rows.map((row, i) => legend(frame.left, top + 48 + i * LEGEND_PITCH, row)),
    panel(
      frame,
      { x, y },
      (projection) =>
        [
          ...marks.map((mark) => dashed(projection.x(mark), frame)),
          ...curves.map((one) => curve(one, projection, range[0])),
        ].join(''),
      (projection) => curves.map((one) => dots(one, projection, range)).join(''),
    ),
  ];
}

interface Curve {
  readonly label: string;
  /** Points side by side. */
  readonly pieces: readonly (readonly Point[])[];
  readonly colour: string;
  readonly style: NonNullable<Series['style']>;
}

/** Runs of usable points. */
function unbroken(points: readonly Point[], isUsable: (point: Point) => boolean): Point[][] {
  const pieces: Point[][] = [];
  let isWhole = false;
  for (const point of points) {
    if (!isUsable(point)) {
      isWhole = false;
      continue;
    }
    if (isWhole) pieces.at(-1)!.push(point);
    else pieces.push([point]);
    isWhole = true;
  }
  return pieces;
}

/** The points to be drawn as dots: a single one would be invisible as a line. */
function dotted({ pieces, style }: Curve): readonly Point[] {
  return pieces.filter((piece) => piece.length === 1 || style === 'dots').flat();
}

function curve({ pieces, colour, style }: Curve, projection: Projection, least: number): string {
  const at = (x: number, y: number): string =>
    `${round(projection.x(x))},${round(projection.y(Math.max(y, least)))}`;
  const drawn = pieces.map((points) => {
    const centre = points.map(({ x, y }) => at(x, y));
    if (style === 'area') {
      const floor = [points.at(-1)!, points[0]!].map(({ x }) => at(x, least));
      return `<polygon points="${[...centre, ...floor].join(' ')}" fill="${colour}" fill-opacity="${AREA_OPACITY}"/>`;
    }
    const upper = points.map(({ x, high }) => at(x, high));
    const lower = points.map(({ x, low }) => at(x, low)).reverse();
    const band = points.some(({ low, high }) => low < high)
      ? `<polygon points="${[...upper, ...lower].join(' ')}" fill="${colour}" fill-opacity="0.2"/>`
      : '';
    if (points.length === 1) return band;
    const line = `<polyline points="${centre.join(' ')}" fill="none" stroke="${colour}" stroke-width="1.8" stroke-linejoin="round"/>`;
    return band + line;
  });
  return drawn.join('');
}

/** Whole dots, of the points that the y axis spans. */
function dots(one: Curve, projection: Projection, [low, high]: Axis['range']): string {
  return dotted(one)
    .filter(({ y }) => y >= low && y <= high)
    .map(({ x, y }) => [round(projection.x(x)), round(projection.y(y))])
    .map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="3" fill="${one.colour}"/>`)
    .join('');
}

function dashed(x: number, { top, height }: Frame): string {
  const place = round(x);
  return `<line x1="${place}" y1="${top}" x2="${place}" y2="${top + height}" stroke="#5a6475" stroke-dasharray="4 4"/>`;
}

/** A piece of a curve of `all` points. */
function thinned(points: readonly Point[], all: number): Point[] {
  const size = Math.max(1, Math.ceil(all / MOST_POINTS));
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

/** Values that are closer than this, relative to their size, differ by the rounding of their means alone. */
const ROUNDING = 1e-12;

/** The values' range, with `margin` of itself at both ends; a constant gets a range of its own size about it. */
function rangeOf(values: readonly number[], scale: Axis['scale'], margin: number): [number, number] {
  if (values.length === 0) return scale === 'log' ? [0.1, 10] : [0, 1];
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  const varies = high - low > ROUNDING * Math.max(Math.abs(low), Math.abs(high));
  if (scale === 'log') {
    const room = varies ? (high / low) ** margin : 2;
    return [low / room, high * room];
  }
  const room = varies ? (high - low) * margin : Math.abs(high) * 0.5 || 1;
  return [low - room, high + room];
}
