/** Squared distances between all rows of two matrices, a block at a time, so that memory does not grow with n². */
import { availableParallelism } from 'node:os';
import { type Block, Workspace } from './workspace.ts';

export interface Rows {
  /** [n, dimension], row-major. */
  readonly values: Float32Array | Float64Array | Uint8Array;
  readonly dimension: number;
}

/** Squared distances of the rows from `firstX` on to those from `firstY` on. */
export interface DistanceBlock {
  readonly firstX: number;
  readonly firstY: number;
  readonly rows: number;
  readonly columns: number;
  /** [rows, columns], used again after the visit. */
  readonly squares: Float64Array;
}

export interface DistanceOptions {
  /** Called after each block with the fraction done. */
  readonly onProgress?: (fraction: number) => void;
  readonly signal?: AbortSignal;
}

/** Rows of a block: 2048 doubles of each of two blocks take 16 MiB. */
const BLOCK = 512;
const MOST_THREADS = 8;

/**
 * Visits every block of the distances between X and Y once, in any order. Where X is Y, blocks below the diagonal are
 * left out: what they hold is in those above it. Exact to rounding, and 0 for equal rows.
 */
export async function visitDistances(
  x: Rows,
  y: Rows,
  visit: (block: DistanceBlock) => void,
  { onProgress, signal }: DistanceOptions = {},
): Promise<void> {
  const [m, n] = [x, y].map(({ values, dimension }) => values.length / dimension) as [number, number];
  const places: [number, number][] = [];
  for (let i = 0; i < m; i += BLOCK) {
    for (let j = x === y ? i : 0; j < n; j += BLOCK) places.push([i, j]);
  }
  let next = 0;
  let done = 0;
  const work = async (): Promise<void> => {
    const thread = new BlockThread(x.dimension, Math.min(BLOCK, m), Math.min(BLOCK, n));
    try {
      while (next < places.length) {
        const [firstX, firstY] = places[next++]!;
        const [rows, columns] = [Math.min(BLOCK, m - firstX), Math.min(BLOCK, n - firstY)];
        const squares = await thread.squaresOf(x, firstX, rows, y, firstY, columns, signal);
        visit({ firstX, firstY, rows, columns, squares });
        onProgress?.(++done / places.length);
      }
    } finally {
      thread.close();
    }
  };
  const threads = Math.min(availableParallelism(), MOST_THREADS, places.length);
  const settled = await Promise.allSettled(Array.from({ length: threads }, work));
  const failed = settled.find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}

class BlockThread {
  readonly #dimension: number;
  readonly #workspace: Workspace;
  readonly #x: Block;
  readonly #y: Block;
  readonly #out: Block;

  constructor(dimension: number, rows: number, columns: number) {
    this.#dimension = dimension;
    this.#workspace = new Workspace((rows + columns) * dimension + rows * columns);
    this.#x = this.#workspace.take(rows * dimension);
    this.#y = this.#workspace.take(columns * dimension);
    this.#out = this.#workspace.take(rows * columns);
  }

  async squaresOf(
    x: Rows,
    firstX: number,
    rows: number,
    y: Rows,
    firstY: number,
    columns: number,
    signal: AbortSignal | undefined,
  ): Promise<Float64Array> {
    const d = this.#dimension;
    this.#x.values.set(x.values.subarray(firstX * d, (firstX + rows) * d));
    this.#y.values.set(y.values.subarray(firstY * d, (firstY + columns) * d));
    const places = [this.#x.place, this.#y.place, this.#out.place] as const;
    await this.#workspace.callAside('squaredDistances', [rows, columns, d, ...places], signal);
    return this.#out.values.subarray(0, rows * columns);
  }

  close(): void {
    this.#workspace.close();
  }
}
