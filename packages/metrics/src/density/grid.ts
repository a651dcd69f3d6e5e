/** Densities on a grid of cells in one or two dimensions: entropies and Kullback–Leibler divergences as sums. */
import { InvalidArgumentError, InvalidShapeError, requireInteger } from '@srmcmc/core';

export interface GridOptions {
  /** 1 or 2. */
  readonly dimension: number;
  /** The grid spans [low, high] in every dimension. */
  readonly low: number;
  readonly high: number;
  /** In every dimension. */
  readonly cells: number;
}

/** Cells of equal size. */
export interface Grid extends GridOptions {
  /** Number of all cells. */
  readonly size: number;
  /** [size, dimension]: the middles of the cells, the last coordinate changing fastest. */
  readonly centres: Float64Array;
  /** Length or area of a cell. */
  readonly cellVolume: number;
}

/** @throws InvalidArgumentError for more than two dimensions, or for low not below high. */
export function grid({ dimension, low, high, cells }: GridOptions): Grid {
  requireInteger('dimension', dimension, 1);
  requireInteger('cells', cells, 1);
  if (dimension > 2) throw new InvalidArgumentError('dimension', `must be 1 or 2, got ${dimension}`);
  if (!(low < high && Number.isFinite(high - low))) {
    throw new InvalidArgumentError('low', `must be below high, got ${low} and ${high}`);
  }
  const width = (high - low) / cells;
  const size = cells ** dimension;
  const centres = new Float64Array(size * dimension);
  for (let cell = 0; cell < size; cell++) {
    const place = dimension === 1 ? [cell] : [Math.floor(cell / cells), cell % cells];
    place.forEach((k, axis) => (centres[cell * dimension + axis] = low + (k + 0.5) * width));
  }
  return { dimension, low, high, cells, size, centres, cellVolume: width ** dimension };
}

/**
 * exp of log-densities [size] that are known up to a constant, scaled so that they integrate to 1 on the grid; an
 * energy's f becomes the density of its model.
 *
 * @throws InvalidShapeError; InvalidArgumentError for NaN or +∞, or when the density is zero everywhere.
 */
export function normalisedDensity(of: Grid, logDensity: ArrayLike<number>): Float64Array {
  requireSize('logDensity', of, logDensity);
  let largest = -Infinity;
  for (let i = 0; i < of.size; i++) {
    if (!(logDensity[i]! < Infinity))
      throw new InvalidArgumentError('logDensity', `is ${logDensity[i]} in cell ${i}`);
    largest = Math.max(largest, logDensity[i]!);
  }
  if (largest === -Infinity) throw new InvalidArgumentError('logDensity', 'is −∞ in every cell');
  const density = Float64Array.from(logDensity, (value) => Math.exp(value - largest));
  const mass = density.reduce((sum, value) => sum + value, 0) * of.cellVolume;
  return density.map((value) => value / mass);
}

/** The integral of a density [size] over the grid: how much of it the grid holds. */
export function mass(of: Grid, density: ArrayLike<number>): number {
  requireDensity('density', of, density);
  let sum = 0;
  for (let i = 0; i < of.size; i++) sum += density[i]!;
  return sum * of.cellVolume;
}

/**
 * −∫ p log p in nats, as a sum over the cells.
 *
 * @throws InvalidShapeError for densities of another size, InvalidArgumentError for negative or infinite ones.
 */
export function entropy(of: Grid, p: ArrayLike<number>): number {
  requireDensity('p', of, p);
  let sum = 0;
  for (let i = 0; i < of.size; i++) if (p[i]! > 0) sum -= p[i]! * Math.log(p[i]!);
  return sum * of.cellVolume;
}

/**
 * ∫ p log(p / q) − p + q in nats, as a sum over the cells: KL(p ‖ q) where both integrate to 1, and never negative
 * where the grid holds less. Infinity where q is 0 and p is not.
 *
 * @throws as `entropy` does.
 */
export function klDivergence(of: Grid, p: ArrayLike<number>, q: ArrayLike<number>): number {
  requireDensity('p', of, p);
  requireDensity('q', of, q);
  let sum = 0;
  for (let i = 0; i < of.size; i++) {
    sum += q[i]! - p[i]!;
    if (p[i]! > 0) sum += p[i]! * Math.log(p[i]! / q[i]!);
  }
  return sum * of.cellVolume;
}

function requireDensity(field: string, of: Grid, values: ArrayLike<number>): void {
  requireSize(field, of, values);
  for (let i = 0; i < of.size; i++) {
    if (!(values[i]! >= 0 && values[i]! < Infinity)) {
      throw new InvalidArgumentError(field, `must be finite and not negative, got ${values[i]} in cell ${i}`);
    }
  }
}

function requireSize(field: string, of: Grid, values: ArrayLike<number>): void {
  if (values.length !== of.size) throw new InvalidShapeError(field, [of.size], [values.length]);
}
