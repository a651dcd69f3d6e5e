/** The nearest rows of another matrix, or of the same one: of samples, those of the data that they may be copies of. */
import { InvalidShapeError, requireInteger } from '@srmcmc/core';
import { TooFewExamplesError } from '../errors.ts';
import { requireFinite } from '../features/feature-set.ts';
import { type DistanceOptions, type Rows, visitDistances } from '../linear-algebra/distances.ts';

export interface NearestOptions extends DistanceOptions {
  /** How many neighbours. Default: 1. */
  readonly k?: number;
}

export interface Neighbours {
  readonly k: number;
  /** [n, k]: numbers of rows of `among`, nearest first; of equally near ones, the first. */
  readonly indices: Uint32Array;
  /** [n, k]: Euclidean distances. */
  readonly distances: Float64Array;
}

/**
 * The k rows of `among` [m, dimension] that are nearest to each row of `points` [n, dimension]. A sample that equals
 * an example of the data is at distance 0 from it exactly. Memory is a few blocks' beyond the matrices, and the work
 * is done in threads.
 *
 * @throws InvalidShapeError for rows of different sizes, TooFewExamplesError for fewer than k rows to look among,
 * NonFiniteFeaturesError, the signal's reason when it is aborted.
 */
export async function nearestNeighbours(
  points: Rows,
  among: Rows,
  options: NearestOptions = {},
): Promise<Neighbours> {
  const { k = 1 } = options;
  requireInteger('k', k, 1);
  const [n, m] = [requireRows('points', points), requireRows('among', among)];
  if (points.dimension !== among.dimension) {
    throw new InvalidShapeError('among', ['n', points.dimension], [m, among.dimension]);
  }
  if (m < k) throw new TooFewExamplesError('among', k, m, `${k} neighbours are asked for`);
  const nearest = new NearestRows(n, k);
  const visit = nearest.visitRows.bind(nearest);
  // A copy of the object, so that neighbours of a set among itself include the points themselves.
  await visitDistances(points, { ...among }, visit, options);
  return { k, indices: nearest.indices, distances: nearest.squares.map(Math.sqrt) };
}

/**
 * The distance of each row to the k-th nearest other row of the same matrix.
 *
 * @throws TooFewExamplesError for k rows or fewer.
 */
export async function kthNeighbourDistances(
  rows: Rows,
  k: number,
  options: DistanceOptions = {},
): Promise<Float64Array> {
  const n = rows.values.length / rows.dimension;
  if (n <= k) throw new TooFewExamplesError('features', k + 1, n, `${k} neighbours are asked for`);
  const nearest = new NearestRows(n, k);
  await visitDistances(
    rows,
    rows,
    ({ firstX, firstY, rows: height, columns, squares }) => {
      for (let i = 0; i < height; i++) {
        for (let j = 0; j < columns; j++) {
          const [a, b] = [firstX + i, firstY + j];
          if (a === b) continue;
          nearest.offer(a, b, squares[i * columns + j]!);
          if (firstX !== firstY) nearest.offer(b, a, squares[i * columns + j]!);
        }
      }
    },
    options,
  );
  return Float64Array.from({ length: n }, (_, i) => Math.sqrt(nearest.squares[i * k + k - 1]!));
}

/** For each of n rows the k nearest of those offered, nearest first. */
class NearestRows {
  readonly #k: number;
  readonly indices: Uint32Array;
  readonly squares: Float64Array;

  constructor(n: number, k: number) {
    this.#k = k;
    this.indices = new Uint32Array(n * k).fill(0xffffffff);
    this.squares = new Float64Array(n * k).fill(Infinity);
  }

  offer(row: number, index: number, square: number): void {
    const first = row * this.#k;
    let place = first + this.#k - 1;
    if (!this.#isBefore(square, index, place)) return;
    for (; place > first && this.#isBefore(square, index, place - 1); place--) {
      this.squares[place] = this.squares[place - 1]!;
      this.indices[place] = this.indices[place - 1]!;
    }
    this.squares[place] = square;
    this.indices[place] = index;
  }

  visitRows({
    firstX,
    firstY,
    rows,
    columns,
    squares,
  }: Parameters<Parameters<typeof visitDistances>[2]>[0]): void {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) this.offer(firstX + i, firstY + j, squares[i * columns + j]!);
    }
  }

  #isBefore(square: number, index: number, place: number): boolean {
    const other = this.squares[place]!;
    return square < other || (square === other && index < this.indices[place]!);
  }
}

function requireRows(field: string, { values, dimension }: Rows): number {
  requireInteger(`${field}.dimension`, dimension, 1);
  if (values.length % dimension !== 0) throw new InvalidShapeError(field, ['n', dimension], [values.length]);
  if (values.length === 0) throw new TooFewExamplesError(field, 1, 0, 'the set is empty');
  requireFinite(values, dimension);
  return values.length / dimension;
}
