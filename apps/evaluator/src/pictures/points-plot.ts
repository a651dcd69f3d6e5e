/** Pictures of samples in one or two dimensions: a histogram, or the points beside their density. */
import { InvalidArgumentError } from '@srmcmc/core';
import { type Axis, type Frame, panel, type Projection, round, svg, text } from '@srmcmc/figures';

const BINS = 64;
/** More points would hide one another, and make the file large. */
const MOST_POINTS = 4000;
/** Points are held in memory while they are counted. */
export const MOST_SAMPLES = 1_000_000;
const SIDE = 400;
const TOP = 60;
const COLOUR = '#1f4e8c';

/**
 * An SVG picture of points [n, dimension], flat.
 *
 * @throws InvalidArgumentError for more than two dimensions.
 */
export function pointsPlot(points: Float32Array, dimension: number, title: string): string {
  if (dimension === 1) return histogram(points, title);
  if (dimension === 2) return scatterAndDensity(points, title);
  throw new InvalidArgumentError('out', `no picture of ${dimension} dimensions: choose a .npy file`);
}

function histogram(points: Float32Array, title: string): string {
  const [low, high] = rangeOf(points);
  const width = (high - low) / BINS;
  const counts = new Float64Array(BINS);
  for (const value of points) counts[binOf(value, low, width)]! += 1;
  const densities = counts.map((count) => count / (points.length * width));
  const frame: Frame = { left: 90, top: TOP, width: 640, height: SIDE };
  const x: Axis = { label: 'x', scale: 'linear', range: [low, high] };
  const y: Axis = { label: 'density', scale: 'linear', range: [0, 1.05 * maximum(densities)] };
  const bars = (projection: Projection): string =>
    Array.from(densities, (density, i) =>
      box(projection, low + i * width, 0, low + (i + 1) * width, density, COLOUR),
    ).join('');
  return svg(770, TOP + SIDE + 65, title, [
    text(90, 30, title, { bold: true }),
    panel(frame, { x, y }, bars),
  ]);
}

function scatterAndDensity(points: Float32Array, title: string): string {
  const n = points.length / 2;
  const [low, high] = rangeOf(points);
  const x: Axis = { label: 'x₁', scale: 'linear', range: [low, high] };
  const y: Axis = { ...x, label: 'x₂' };
  const width = (high - low) / BINS;
  const counts = new Float64Array(BINS * BINS);
  for (let i = 0; i < n; i++) {
    const column = binOf(points[2 * i]!, low, width);
    counts[binOf(points[2 * i + 1]!, low, width) * BINS + column]! += 1;
  }
  const most = maximum(counts);
  const shown = Math.min(n, MOST_POINTS);
  const dots = (projection: Projection): string =>
    Array.from({ length: shown }, (_, i) => {
      const [cx, cy] = [round(projection.x(points[2 * i]!)), round(projection.y(points[2 * i + 1]!))];
      return `<circle cx="${cx}" cy="${cy}" r="1.6"/>`;
    }).join('');
  const cells = (projection: Projection): string =>
    Array.from(counts, (count, i) => {
      if (count === 0) return '';
      const [left, bottom] = [low + (i % BINS) * width, low + Math.floor(i / BINS) * width];
      return box(projection, left, bottom, left + width, bottom + width, shade(count / most));
    }).join('');
  const right = 90 + SIDE + 110;
  const peak = most / (n * width * width);
  return svg(right + SIDE + 40, TOP + SIDE + 65, title, [
    text(90, 26, title, { bold: true }),
    text(90, 48, shown < n ? `the first ${shown} of ${n} samples` : `${n} samples`),
    text(right, 48, `density: white 0, dark ${peak.toPrecision(2)} (${BINS} × ${BINS} cells)`),
    panel(
      { left: 90, top: TOP, width: SIDE, height: SIDE },
      { x, y },
      (projection) => `<g fill="${COLOUR}" fill-opacity="0.5">${dots(projection)}</g>`,
    ),
    panel({ left: right, top: TOP, width: SIDE, height: SIDE }, { x, y }, cells),
  ]);
}

/** All coordinates, with 4 % of room. */
function rangeOf(values: Float32Array): [number, number] {
  const low = values.reduce((a, b) => Math.min(a, b), Infinity);
  const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const room = 0.04 * (high - low) || 1;
  return [low - room, high + room];
}

function binOf(value: number, low: number, width: number): number {
  return Math.min(Math.floor((value - low) / width), BINS - 1);
}

function maximum(values: Float64Array): number {
  return values.reduce((a, b) => Math.max(a, b), 0);
}

function box(projection: Projection, x0: number, y0: number, x1: number, y1: number, fill: string): string {
  const [left, top] = [round(projection.x(x0)), round(projection.y(y1))];
  const width = round(projection.x(x1) - left + 0.1);
  const height = round(projection.y(y0) - top + 0.1);
  return `<rect x="${left}" y="${top}" width="${width}" height="${height}" fill="${fill}"/>`;
}

/** From white by way of blue to nearly black. */
function shade(fraction: number): string {
  const light = 96 - 80 * Math.sqrt(fraction);
  return `hsl(215, 65%, ${light.toFixed(1)}%)`;
}
