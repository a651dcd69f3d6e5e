/**
 * Householder's reduction to a bidiagonal matrix with the same singular values (Golub and Kahan 1965), in blocks, so
 * that half of the work is a product of matrices (Dongarra, Sorensen and Hammarling 1989; LAPACK's dgebrd).
 */
import { addGram } from './matrices';
import { addProduct, addTransposedProduct, at, dot } from './vectors';

/** Steps before the matrix is brought up to date. */
const BLOCK: i32 = 32;
const WIDTH: i32 = 2 * BLOCK;

/** Doubles of scratch space for a matrix [m, n]. */
export function bidiagonalScratch(m: i32, n: i32): i32 {
  return (m + n) * (WIDTH + 1) + WIDTH;
}

/**
 * Writes the diagonal [n] and what is beside it [n − 1] of the bidiagonal form of A [m, n], m ≥ n, which is overwritten.
 *
 * Within a block the matrix is A − P Qᵀ: each step adds a column to P [m, .] and Q [n, .] for the reflection from the
 * left, and one for that from the right.
 */
export function bidiagonalise(
  m: i32,
  n: i32,
  a: usize,
  diagonal: usize,
  beside: usize,
  scratch: usize,
): void {
  const p = scratch;
  const q = at(p, m * WIDTH);
  const left = at(q, n * WIDTH);
  const right = at(left, m);
  const inner = at(right, n);
  for (let start = 0; start < n; start += BLOCK) {
    const steps = min(BLOCK, n - start);
    memory.fill(p, 0, (<usize>(m + n) * WIDTH) << 3);
    for (let t = 0; t < steps; t++) {
      const i = start + t;
      store<f64>(at(diagonal, i), reflectColumn(m, n, i, 2 * t, a, p, q, left, right, inner));
      if (i + 1 < n) {
        store<f64>(at(beside, i), reflectRow(m, n, i, 2 * t + 1, a, p, q, left, right, inner));
      }
    }
    const next = start + steps;
    if (next < n) {
      const rest = at(a, next * n + next);
      addGram(
        m - next,
        n - next,
        2 * steps,
        -1,
        at(p, next * WIDTH),
        WIDTH,
        at(q, next * WIDTH),
        WIDTH,
        rest,
        n,
      );
    }
  }
}

/** Makes column i zero below the diagonal, by a reflection I − β v vᵀ; returns the diagonal element. */
function reflectColumn(
  m: i32,
  n: i32,
  i: i32,
  used: i32,
  a: usize,
  p: usize,
  q: usize,
  v: usize,
  y: usize,
  inner: usize,
): f64 {
  const rows = m - i;
  const columns = n - i - 1;
  for (let r = 0; r < rows; r++) store<f64>(at(v, r), load<f64>(at(a, (i + r) * n + i)));
  addProduct(rows, used, -1, at(p, i * WIDTH), WIDTH, at(q, i * WIDTH), v);
  const value = reflector(rows, v);
  for (let r = 0; r < rows; r++) store<f64>(at(p, (i + r) * WIDTH + used), load<f64>(at(v, r)));
  if (columns == 0) return value;
  memory.fill(y, 0, (<usize>columns) << 3);
  addTransposedProduct(rows, columns, beta, at(a, i * n + i + 1), n, v, y);
  memory.fill(inner, 0, WIDTH << 3);
  addTransposedProduct(rows, used, beta, at(p, i * WIDTH), WIDTH, v, inner);
  addProduct(columns, used, -1, at(q, (i + 1) * WIDTH), WIDTH, inner, y);
  for (let r = 0; r < columns; r++) store<f64>(at(q, (i + 1 + r) * WIDTH + used), load<f64>(at(y, r)));
  return value;
}

/** Makes row i zero right of the element beside the diagonal, which is returned. */
function reflectRow(
  m: i32,
  n: i32,
  i: i32,
  used: i32,
  a: usize,
  p: usize,
  q: usize,
  x: usize,
  u: usize,
  inner: usize,
): f64 {
  const rows = m - i - 1;
  const columns = n - i - 1;
  memory.copy(u, at(a, i * n + i + 1), (<usize>columns) << 3);
  addProduct(columns, used, -1, at(q, (i + 1) * WIDTH), WIDTH, at(p, i * WIDTH), u);
  const value = reflector(columns, u);
  for (let r = 0; r < columns; r++) store<f64>(at(q, (i + 1 + r) * WIDTH + used), load<f64>(at(u, r)));
  memory.fill(x, 0, (<usize>rows) << 3);
  addProduct(rows, columns, beta, at(a, (i + 1) * n + i + 1), n, u, x);
  memory.fill(inner, 0, WIDTH << 3);
  addTransposedProduct(columns, used, beta, at(q, (i + 1) * WIDTH), WIDTH, u, inner);
  addProduct(rows, used, -1, at(p, (i + 1) * WIDTH), WIDTH, inner, x);
  for (let r = 0; r < rows; r++) store<f64>(at(p, (i + 1 + r) * WIDTH + used), load<f64>(at(x, r)));
  return value;
}

/** β of the reflection that `reflector` made last. */
let beta: f64 = 0;

/** Replaces x by v with (I − β v vᵀ) x = value · e_1, and returns the value. */
function reflector(n: i32, x: usize): f64 {
  const norm = Math.sqrt(dot(n, x, x));
  const first = load<f64>(x);
  if (norm == 0) {
    beta = 0;
    return 0;
  }
  // The sign that cancels nothing.
  const value = first >= 0 ? -norm : norm;
  store<f64>(x, first - value);
  beta = 1 / (norm * (norm + Math.abs(first)));
  return value;
}
