/** Squared Euclidean distances between rows, from the differences themselves: equal rows are at distance 0 exactly. */
import { at } from './vectors';

/** Elements of a row, and rows of the second matrix, taken at a time; see matrices.ts. */
const DEPTH: i32 = 256;
const PANEL: i32 = 64;

/** D [m, n] of X [m, d] and Y [n, d]. */
export function squaredDistances(m: i32, n: i32, d: i32, x: usize, y: usize, out: usize): void {
  memory.fill(out, 0, (<usize>m * n) << 3);
  for (let d0 = 0; d0 < d; d0 += DEPTH) {
    const depth = min(DEPTH, d - d0);
    for (let j0 = 0; j0 < n; j0 += PANEL) {
      const j1 = min(j0 + PANEL, n);
      let i = 0;
      for (; i + 4 <= m; i += 4) {
        for (let j = j0; j < j1; j++)
          tile(depth, at(x, i * d + d0), d, at(y, j * d + d0), at(out, i * n + j), n);
      }
      for (; i < m; i++) {
        for (let j = j0; j < j1; j++) single(depth, at(x, i * d + d0), at(y, j * d + d0), at(out, i * n + j));
      }
    }
  }
}

function square(a: v128, b: v128): v128 {
  const difference = f64x2.sub(a, b);
  return f64x2.mul(difference, difference);
}

function addSum(target: usize, sums: v128, rest: f64): void {
  const sum = f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1) + rest;
  store<f64>(target, load<f64>(target) + sum);
}

function squareOf(a: usize, b: usize): f64 {
  const difference = load<f64>(a) - load<f64>(b);
  return difference * difference;
}

function tile(d: i32, x: usize, ldx: i32, y: usize, out: usize, ldo: i32): void {
  const stride = (<usize>ldx) << 3;
  let x0 = x;
  let x1 = x0 + stride;
  let x2 = x1 + stride;
  let x3 = x2 + stride;
  let s0 = f64x2.splat(0);
  let s1 = f64x2.splat(0);
  let s2 = f64x2.splat(0);
  let s3 = f64x2.splat(0);
  const end = y + ((<usize>(d >> 1)) << 4);
  while (y < end) {
    const value = v128.load(y);
    s0 = f64x2.add(s0, square(v128.load(x0), value));
    s1 = f64x2.add(s1, square(v128.load(x1), value));
    s2 = f64x2.add(s2, square(v128.load(x2), value));
    s3 = f64x2.add(s3, square(v128.load(x3), value));
    x0 += 16;
    x1 += 16;
    x2 += 16;
    x3 += 16;
    y += 16;
  }
  const odd = (d & 1) != 0;
  addSum(out, s0, odd ? squareOf(x0, y) : 0);
  addSum(at(out, ldo), s1, odd ? squareOf(x1, y) : 0);
  addSum(at(out, 2 * ldo), s2, odd ? squareOf(x2, y) : 0);
  addSum(at(out, 3 * ldo), s3, odd ? squareOf(x3, y) : 0);
}

/** Sums in the order that `tile` does, so that a row's distances do not depend on where it stands. */
function single(d: i32, x: usize, y: usize, out: usize): void {
  let sums = f64x2.splat(0);
  const end = y + ((<usize>(d >> 1)) << 4);
  while (y < end) {
    sums = f64x2.add(sums, square(v128.load(x), v128.load(y)));
    x += 16;
    y += 16;
  }
  addSum(out, sums, d & 1 ? squareOf(x, y) : 0);
}
