/** A density on a grid from points: a Gaussian on each, of the width under which left-out points are likeliest. */
import { InvalidShapeError } from '@srmcmc/core';
import { TooFewExamplesError } from '../errors.ts';
import type { Grid } from './grid.ts';

export interface SmoothedDensity {
  /** [size], at the middles of the cells. */
  readonly density: Float64Array;
  /** Standard deviation of the Gaussians, in every dimension. */
  readonly bandwidth: number;
  /** How many of the points lie outside the grid. */
  readonly outside: number;
}

/** Widths that are tried, in sides of a cell: from half of one, below which a cell is too coarse, by steps of 12 %. */
const NARROWEST = 0.5;
const STEP = 1.12;
/** And up to this share of the grid's side. */
const WIDEST = 0.25;
/** Standard deviations at which a Gaussian is below 1e-297 of its peak and is cut off. */
const REACH = 37;

/**
 * The kernel density estimate of points [n, dimension], flat, with the bandwidth of largest leave-one-out likelihood
 * (Duin 1976), which follows modes that are narrow against their distance, as `kernelDensity`'s rules do not. Points
 * are moved to the middles of their cells. One point more is spread evenly over the grid, so that the density is
 * nowhere 0. Points outside the grid are counted and left out, and so is what Gaussians have outside: the density then
 * integrates to less than 1.
 *
 * @throws TooFewExamplesError for fewer than two points on the grid; InvalidShapeError.
 */
export function smoothedDensity(of: Grid, points: ArrayLike<number>): SmoothedDensity {
  const { dimension, size, cells, cellVolume } = of;
  if (points.length % dimension !== 0)
    throw new InvalidShapeError('points', ['n', dimension], [points.length]);
  const n = points.length / dimension;
  const { counts, outside } = countIn(of, points);
  if (n - outside < 2) throw new TooFewExamplesError('points', 2, n - outside, 'of them on the grid');
  const even = 1 / (size * cellVolume);
  const blurredBy = (width: number): Float64Array => {
    const kernel = gaussian(width, cells);
    let blurred = counts;
    for (let axis = 0; axis < dimension; axis++) blurred = blur(blurred, kernel, cells, cells ** axis);
    return blurred;
  };
  /** The logarithms, added up, of the points' densities under all but the point itself. */
  const likelihood = (width: number): number => {
    const blurred = blurredBy(width);
    const own = gaussian(width, cells)[0]! ** dimension;
    let sum = 0;
    for (let cell = 0; cell < size; cell++) {
      if (counts[cell] === 0) continue;
      const others = Math.max(blurred[cell]! - own, 0) / cellVolume;
      sum += counts[cell]! * Math.log((others + even) / n);
    }
    return sum;
  };
  const width = likeliest(likelihood, cells);
  return {
    density: blurredBy(width).map((count) => (count / cellVolume + even) / (n + 1)),
    bandwidth: width * ((of.high - of.low) / cells),
    outside,
  };
}

function countIn(
  { dimension, low, high, cells, size }: Grid,
  points: ArrayLike<number>,
): { counts: Float64Array; outside: number } {
  const counts = new Float64Array(size);
  let outside = 0;
  for (let i = 0; i < points.length; i += dimension) {
    let cell = 0;
    for (let axis = 0; axis < dimension; axis++) {
      const place = Math.floor(((points[i + axis]! - low) / (high - low)) * cells);
      cell = place >= 0 && place < cells ? cell * cells + place : NaN;
    }
    if (Number.isNaN(cell)) outside++;
    else counts[cell]!++;
  }
  return { counts, outside };
}

/** The likelihood rises to one maximum; where it has several, the first from the narrowest is close to the best. */
function likeliest(likelihood: (width: number) => number, cells: number): number {
  let best = { width: NARROWEST, likelihood: -Infinity };
  for (let width = NARROWEST; width <= WIDEST * cells; width *= STEP) {
    const one = { width, likelihood: likelihood(width) };
    if (one.likelihood > best.likelihood) best = one;
    else if (width > 4 * best.width) break;
  }
  return best.width;
}

/** The Gaussian at distances 0, 1, ..., in cells, such that all of it, on both sides, sums to 1. */
function gaussian(width: number, cells: number): Float64Array {
  const at = (i: number): number => Math.exp(-0.5 * (i / width) ** 2);
  const reach = Math.ceil(REACH * width);
  let sum = 1;
  for (let i = 1; i <= reach; i++) sum += 2 * at(i);
  return Float64Array.from({ length: Math.min(cells - 1, reach) + 1 }, (_, i) => at(i) / sum);
}

function blur(values: Float64Array, kernel: Float64Array, cells: number, stride: number): Float64Array {
  const out = new Float64Array(values.length);
  const reach = kernel.length - 1;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value === 0) continue;
    const place = Math.floor(i / stride) % cells;
    const first = Math.max(-reach, -place);
    const last = Math.min(reach, cells - 1 - place);
    for (let d = first; d <= last; d++) out[i + d * stride]! += value * kernel[Math.abs(d)]!;
  }
  return out;
}
