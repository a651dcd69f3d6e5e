/**
 * Dense linear algebra on doubles for WebAssembly with SIMD, in AssemblyScript. The caller places matrices in the
 * memory, which has no allocator. `pnpm wasm` in this package compiles it into src/linear-algebra/module.ts.
 */
import { bidiagonalise, bidiagonalScratch } from './bidiagonal';
import { choleskyScratch, factorise, isIndefinite } from './cholesky';
import { addGram } from './matrices';
import { iterate } from './singular-values';
import { at } from './vectors';

export { addLowerGram } from './matrices';
export { squaredDistances } from './distances';

/** Doubles of scratch space that the functions here need for matrices [n, n]. */
export function scratchSize(n: i32): i32 {
  return max(choleskyScratch(n), bidiagonalScratch(n, n)) + 2 * n;
}

/**
 * tr (A B)^½ of positive semi-definite A and B [n, n], which are overwritten, given scratch space for a third such
 * matrix and for `scratchSize`: the sum of the singular values of F Gᵀ, where A = Fᵀ F and B = Gᵀ G. Their squares
 * are the eigenvalues of A^½ B A^½, but unlike those they are found to full precision when they are small.
 * Writes the ranks of A and B, and 1 for each that has a negative eigenvalue, to `out` [4].
 */
export function traceOfRoot(n: i32, a: usize, b: usize, third: usize, scratch: usize, out: usize): f64 {
  const rankA = factorise(n, a, third, scratch);
  store<f64>(out, <f64>rankA);
  store<f64>(out, isIndefinite ? 1 : 0, 16);
  const rankB = factorise(n, b, a, scratch);
  store<f64>(out, <f64>rankB, 8);
  store<f64>(out, isIndefinite ? 1 : 0, 24);
  if (rankA < rankB) {
    gram(rankB, rankA, n, a, third, b);
    return nuclearNorm(rankB, rankA, b, scratch);
  }
  gram(rankA, rankB, n, third, a, b);
  return nuclearNorm(rankA, rankB, b, scratch);
}

/** C [m, n] ← A Bᵀ, of A [m, k] and B [n, k]. */
function gram(m: i32, n: i32, k: i32, a: usize, b: usize, c: usize): void {
  memory.fill(c, 0, (<usize>m * n) << 3);
  addGram(m, n, k, 1, a, k, b, k, c, n);
}

/** The sum of the singular values of A [m, n], m ≥ n, which is overwritten; NaN if they were not found. */
function nuclearNorm(m: i32, n: i32, a: usize, scratch: usize): f64 {
  const diagonal = scratch;
  const beside = at(diagonal, n);
  bidiagonalise(m, n, a, diagonal, beside, at(beside, n));
  if (!iterate(n, diagonal, beside)) return NaN;
  let sum: f64 = 0;
  for (let i = 0; i < n; i++) sum += Math.abs(load<f64>(at(diagonal, i)));
  return sum;
}

/**
 * Σ_ij and Σ_i=j of (x_i · y_j / d + 1)³ for X [m, d] and Y [n, d], written to `out` [2]. Where X is Y, half of the
 * products are made.
 */
export function cubicKernelSums(m: i32, n: i32, d: i32, x: usize, y: usize, block: usize, out: usize): void {
  let total: f64 = 0;
  let trace: f64 = 0;
  for (let i0 = 0; i0 < m; i0 += ROWS) {
    const rows = min(ROWS, m - i0);
    const columns = x == y ? i0 + rows : n;
    gram(rows, columns, d, at(x, i0 * d), y, block);
    for (let i = 0; i < rows; i++) {
      const diagonal = i0 + i;
      const row = at(block, i * columns);
      const below = kernelSum(0, min(diagonal, columns), d, row);
      const own = kernelSum(diagonal, min(diagonal + 1, columns), d, row);
      total += x == y ? 2 * below + own : below + own + kernelSum(diagonal + 1, columns, d, row);
      trace += own;
    }
  }
  store<f64>(out, total);
  store<f64>(out, trace, 8);
}

function kernelSum(first: i32, end: i32, d: i32, products: usize): f64 {
  let sum: f64 = 0;
  for (let j = first; j < end; j++) {
    const base = load<f64>(at(products, j)) / d + 1;
    sum += base * base * base;
  }
  return sum;
}

/** Rows of a kernel matrix that are held at a time. */
const ROWS: i32 = 64;
