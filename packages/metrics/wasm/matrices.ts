/** Products of row-major matrices of doubles, and distances between their rows, in tiles of 4 by 2. */
import { at, dot } from './vectors';

/** Elements of a row taken at a time: a tile's six rows of them stay in the first-level cache. */
const DEPTH: i32 = 256;
/** Rows of the second matrix taken at a time: DEPTH elements of each stay in the second-level cache. */
const PANEL: i32 = 64;

/** C [m, n] ← C + alpha · A Bᵀ, of A [m, k] and B [n, k]. */
export function addGram(
  m: i32,
  n: i32,
  k: i32,
  alpha: f64,
  a: usize,
  lda: i32,
  b: usize,
  ldb: i32,
  c: usize,
  ldc: i32,
): void {
  for (let k0 = 0; k0 < k; k0 += DEPTH) {
    const depth = min(DEPTH, k - k0);
    for (let j0 = 0; j0 < n; j0 += PANEL) {
      const j1 = min(j0 + PANEL, n);
      let i = 0;
      for (; i + 4 <= m; i += 4) {
        const rows = at(a, i * lda + k0);
        let j = j0;
        for (; j + 2 <= j1; j += 2) {
          productTile(depth, alpha, rows, lda, at(b, j * ldb + k0), ldb, at(c, i * ldc + j), ldc);
        }
        for (; j < j1; j++) {
          for (let r = 0; r < 4; r++) {
            const element = at(c, (i + r) * ldc + j);
            const product = dot(depth, at(rows, r * lda), at(b, j * ldb + k0));
            store<f64>(element, load<f64>(element) + alpha * product);
          }
        }
      }
      for (; i < m; i++) {
        for (let j = j0; j < j1; j++) {
          const element = at(c, i * ldc + j);
          const product = dot(depth, at(a, i * lda + k0), at(b, j * ldb + k0));
          store<f64>(element, load<f64>(element) + alpha * product);
        }
      }
    }
  }
}

/** The same for A Aᵀ, of which only what lies below the diagonal, and less than PANEL columns above it, is touched. */
export function addLowerGram(m: i32, k: i32, alpha: f64, a: usize, lda: i32, c: usize, ldc: i32): void {
  for (let i = 0; i < m; i += PANEL) {
    const rows = min(PANEL, m - i);
    addGram(rows, i + rows, k, alpha, at(a, i * lda), lda, a, lda, at(c, i * ldc), ldc);
  }
}

function addPair(c: usize, alpha: f64, left: v128, right: v128): void {
  const sums = f64x2.add(v128.shuffle<f64>(left, right, 0, 2), v128.shuffle<f64>(left, right, 1, 3));
  v128.store(c, f64x2.add(v128.load(c), f64x2.mul(f64x2.splat(alpha), sums)));
}

/** One double, and a zero. */
function last(p: usize): v128 {
  return v128.load64_zero(p);
}

function productTile(k: i32, alpha: f64, a: usize, lda: i32, b: usize, ldb: i32, c: usize, ldc: i32): void {
  const stride = (<usize>lda) << 3;
  let a0 = a;
  let a1 = a0 + stride;
  let a2 = a1 + stride;
  let a3 = a2 + stride;
  let b0 = b;
  let b1 = b + ((<usize>ldb) << 3);
  let c00 = f64x2.splat(0);
  let c01 = f64x2.splat(0);
  let c10 = f64x2.splat(0);
  let c11 = f64x2.splat(0);
  let c20 = f64x2.splat(0);
  let c21 = f64x2.splat(0);
  let c30 = f64x2.splat(0);
  let c31 = f64x2.splat(0);
  const end = a0 + ((<usize>(k >> 1)) << 4);
  while (a0 < end) {
    const x0 = v128.load(b0);
    const x1 = v128.load(b1);
    const y0 = v128.load(a0);
    c00 = f64x2.add(c00, f64x2.mul(y0, x0));
    c01 = f64x2.add(c01, f64x2.mul(y0, x1));
    const y1 = v128.load(a1);
    c10 = f64x2.add(c10, f64x2.mul(y1, x0));
    c11 = f64x2.add(c11, f64x2.mul(y1, x1));
    const y2 = v128.load(a2);
    c20 = f64x2.add(c20, f64x2.mul(y2, x0));
    c21 = f64x2.add(c21, f64x2.mul(y2, x1));
    const y3 = v128.load(a3);
    c30 = f64x2.add(c30, f64x2.mul(y3, x0));
    c31 = f64x2.add(c31, f64x2.mul(y3, x1));
    a0 += 16;
    a1 += 16;
    a2 += 16;
    a3 += 16;
    b0 += 16;
    b1 += 16;
  }
  if (k & 1) {
    const x0 = last(b0);
    const x1 = last(b1);
    c00 = f64x2.add(c00, f64x2.mul(last(a0), x0));
    c01 = f64x2.add(c01, f64x2.mul(last(a0), x1));
    c10 = f64x2.add(c10, f64x2.mul(last(a1), x0));
    c11 = f64x2.add(c11, f64x2.mul(last(a1), x1));
    c20 = f64x2.add(c20, f64x2.mul(last(a2), x0));
    c21 = f64x2.add(c21, f64x2.mul(last(a2), x1));
    c30 = f64x2.add(c30, f64x2.mul(last(a3), x0));
    c31 = f64x2.add(c31, f64x2.mul(last(a3), x1));
  }
  const row = (<usize>ldc) << 3;
  addPair(c, alpha, c00, c01);
  addPair(c + row, alpha, c10, c11);
  addPair(c + 2 * row, alpha, c20, c21);
  addPair(c + 3 * row, alpha, c30, c31);
}
