/** The density of a toy, of the energy that learned it, and of its short-run samples, on one grid, as numbers. */
import { tensor2d, tidy } from '@tensorflow/tfjs-core';
import { type Energy, foldIn, InvalidArgumentError, key as keyOf, turn } from '@srmcmc/core';
import type { Toy } from '@srmcmc/datasets';
import { entropy, type Grid, grid, klDivergence, normalisedDensity, smoothedDensity } from '@srmcmc/metrics';
import type { SamplerSpec } from '@srmcmc/checkpoint';

/** One density [grid.size], and how far it is from the truth. */
export interface ToyDensity {
  readonly density: Float64Array;
  /** In nats. */
  readonly entropy: number;
  /** KL(truth ‖ this), in nats. */
  readonly divergence: number;
  readonly largest: number;
}

export interface SampledDensity extends ToyDensity {
  /** Standard deviation of the Gaussian on each sample. */
  readonly bandwidth: number;
  /** Samples that lie outside the grid. */
  readonly outside: number;
}

export interface ToyDensities {
  readonly grid: Grid;
  readonly truth: ToyDensity;
  /** exp(f / T) / Z on the grid, T the temperature of the chains' steps. */
  readonly ebm: ToyDensity;
  readonly samples: SampledDensity;
  /** Of as many exact draws: what no sampler can be nearer to the truth than, but by chance. */
  readonly exactDraws: SampledDensity;
}

/** Of how many points a density may be asked for: all are held in memory, in `vary-k` after each K. */
export const MOST_POINTS = 10_000_000;

const AT_ONCE = 8192;
/** Enough draws for the extent of a toy to a tenth. */
const DRAWS = 50_000;
/** The grid reaches this many times as far as the draws. */
const MARGIN = 1.25;
const CELLS_OF_LINE = 1000;
const CELLS_OF_SIDE = 200;
/** Folded into the key of the seed; learning and samples use its splits. */
const EXACT_KEY = 3;

/** The largest coordinate of many draws, which bounds where chains start, rounded up to a tenth. */
export function extentOf(toy: Toy): number {
  const largest = toy.sample(keyOf(0), DRAWS).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return Math.ceil(10 * largest) / 10;
}

/** Square cells that hold the toy with a margin; 1000 of them on a line and 200 along a side in the plane unless given. */
export function gridOf(toy: Toy, cells?: number): Grid {
  const high = MARGIN * extentOf(toy);
  const [dimension] = toy.shape;
  const enough = dimension === 1 ? CELLS_OF_LINE : CELLS_OF_SIDE;
  return grid({ dimension, low: -high, high, cells: cells ?? enough });
}

/** noise² / (2 · drift): a chain of such steps, were it long and its steps short, would have the density exp(f / T) / Z. */
export function temperatureOf({ drift, noise }: SamplerSpec): number {
  if (!(noise > 0 && drift > 0)) {
    throw new InvalidArgumentError(
      'noise',
      'chains without step noise say no temperature, so that exp(f / T) is none',
    );
  }
  return noise ** 2 / (2 * drift);
}

/** exp(f / T) / Z at the middles of the cells, integrating to 1 over the grid. @throws the signal's reason. */
export async function energyDensity(
  energy: Energy,
  of: Grid,
  { temperature, signal }: { temperature: number; signal?: AbortSignal },
): Promise<Float64Array> {
  const { dimension, size, centres } = of;
  const logDensity = new Float64Array(size);
  for (let first = 0; first < size; first += AT_ONCE) {
    signal?.throwIfAborted();
    const some = Float32Array.from(centres.subarray(first * dimension, (first + AT_ONCE) * dimension));
    const f = tidy(() => energy.negativeEnergy(tensor2d(some, [some.length / dimension, dimension])));
    const values = (await f.data()) as Float32Array;
    f.dispose();
    logDensity.set(
      Float64Array.from(values, (value) => value / temperature),
      first,
    );
    await turn();
  }
  return normalisedDensity(of, logDensity);
}

/** How densities on a grid are measured against that of a toy. */
export interface DensityMeasures {
  readonly truth: ToyDensity;
  measured(density: Float64Array): ToyDensity;
  /** The kernel estimate of points [n, dimension]. @throws TooFewExamplesError for fewer than two on the grid. */
  sampled(points: Float32Array): SampledDensity;
}

export function measuresAgainst(toy: Toy, of: Grid): DensityMeasures {
  const truth = toy.logDensity(of.centres).map(Math.exp);
  const measured = (density: Float64Array): ToyDensity => ({
    density,
    entropy: entropy(of, density),
    divergence: klDivergence(of, truth, density),
    largest: density.reduce((most, value) => Math.max(most, value), 0),
  });
  return {
    truth: measured(truth),
    measured,
    sampled: (points) => {
      const { density, bandwidth, outside } = smoothedDensity(of, points);
      return { ...measured(density), bandwidth, outside };
    },
  };
}

/**
 * All of them, with `exact` as many draws of the toy as there are samples [n, dimension].
 *
 * @throws TooFewExamplesError where fewer than two samples lie on the grid.
 */
export async function toyDensities(
  toy: Toy,
  of: Grid,
  ebm: Float64Array,
  { samples, exact }: { samples: Float32Array; exact: Float32Array },
): Promise<ToyDensities> {
  const { truth, measured, sampled } = measuresAgainst(toy, of);
  const ofSamples = sampled(samples);
  await turn();
  return { grid: of, truth, ebm: measured(ebm), samples: ofSamples, exactDraws: sampled(exact) };
}

/** How many of the points [n, dimension] lie on the grid. */
export function onGrid({ dimension, low, high }: Grid, points: Float32Array): number {
  return rowsWhere(points, dimension, (point) => point.every((value) => value >= low && value < high));
}

/** How many of the points [n, dimension] are so. */
export function rowsWhere(
  points: Float32Array,
  dimension: number,
  holds: (point: Float32Array) => boolean,
): number {
  let count = 0;
  for (let at = 0; at < points.length; at += dimension) {
    if (holds(points.subarray(at, at + dimension))) count++;
  }
  return count;
}

/** As many draws of the toy, as sampled with a seed: the estimates of both are equally rough. */
export function exactDraws(toy: Toy, count: number, seed: number): Float32Array {
  return toy.sample(foldIn(keyOf(seed), EXACT_KEY), count);
}
