/** Running variance or covariance of positions, as an inverse mass. */
import type { InverseMass } from './mass.ts';

/** Stan shrinks its estimates towards this variance, as if it had been seen in this many draws. */
const PRIOR_VARIANCE = 1e-3;
const PRIOR_DRAWS = 5;

export interface RunningMoments {
  /** Takes rows of `size` in. */
  add(rows: ArrayLike<number>): void;
  /** n/(n + 5) · (co)variance + 5/(n + 5) · 1e-3, as Stan regularises it. */
  inverseMass(): InverseMass;
}

/** Welford's updates (Welford 1962), of the diagonal or of all entries, in double precision. */
export function runningMoments(size: number, dense: boolean): RunningMoments {
  const mean = new Float64Array(size);
  const before = new Float64Array(size);
  const after = new Float64Array(size);
  // Row i holds the products of element i with elements 0 .. i, or with itself alone.
  const products = Array.from({ length: dense ? size : 1 }, (_, i) => new Float64Array(dense ? i + 1 : size));
  let count = 0;

  const add = (row: (i: number) => number): void => {
    count++;
    for (let i = 0; i < size; i++) {
      before[i] = row(i) - mean[i]!;
      mean[i]! += before[i]! / count;
      after[i] = row(i) - mean[i]!;
    }
    if (!dense) {
      for (let i = 0; i < size; i++) products[0]![i]! += before[i]! * after[i]!;
      return;
    }
    products.forEach((sums, i) => {
      for (let j = 0; j <= i; j++) sums[j]! += before[i]! * after[j]!;
    });
  };

  return {
    add: (rows) => {
      for (let start = 0; start < rows.length; start += size) add((i) => rows[start + i]!);
    },
    inverseMass: () => {
      const weight = count / (count + PRIOR_DRAWS) / Math.max(count - 1, 1);
      const prior = (PRIOR_VARIANCE * PRIOR_DRAWS) / (count + PRIOR_DRAWS);
      if (!dense) return Array.from(products[0]!, (sum) => weight * sum + prior);
      return products.map((_, i) =>
        products.map((_, j) => weight * products[Math.max(i, j)]![Math.min(i, j)]! + (i === j ? prior : 0)),
      );
    },
  };
}
