/** Products of a row-major matrix of doubles and a vector. Pointers are byte offsets; leading dimensions count elements. */

export function at(base: usize, index: i32): usize {
  return base + ((<usize>index) << 3);
}

/** Σ x_i y_i. */
export function dot(n: i32, x: usize, y: usize): f64 {
  let s0 = f64x2.splat(0);
  let s1 = f64x2.splat(0);
  let s2 = f64x2.splat(0);
  let s3 = f64x2.splat(0);
  let i = 0;
  for (; i + 8 <= n; i += 8) {
    s0 = f64x2.add(s0, f64x2.mul(v128.load(x), v128.load(y)));
    s1 = f64x2.add(s1, f64x2.mul(v128.load(x, 16), v128.load(y, 16)));
    s2 = f64x2.add(s2, f64x2.mul(v128.load(x, 32), v128.load(y, 32)));
    s3 = f64x2.add(s3, f64x2.mul(v128.load(x, 48), v128.load(y, 48)));
    x += 64;
    y += 64;
  }
  const pair = f64x2.add(f64x2.add(s0, s1), f64x2.add(s2, s3));
  let sum = f64x2.extract_lane(pair, 0) + f64x2.extract_lane(pair, 1);
  for (; i < n; i++) {
    sum += load<f64>(x) * load<f64>(y);
    x += 8;
    y += 8;
  }
  return sum;
}

/** y [m] ← y + alpha · A x, of A [m, n]. */
export function addProduct(m: i32, n: i32, alpha: f64, a: usize, lda: i32, x: usize, y: usize): void {
  for (let i = 0; i < m; i++) {
    const target = at(y, i);
    store<f64>(target, load<f64>(target) + alpha * dot(n, at(a, i * lda), x));
  }
}

/** y [n] ← y + alpha · Aᵀ x, of A [m, n]: four rows at a time, so that y is read a quarter as often. */
export function addTransposedProduct(
  m: i32,
  n: i32,
  alpha: f64,
  a: usize,
  lda: i32,
  x: usize,
  y: usize,
): void {
  const row = (<usize>lda) << 3;
  let i = 0;
  for (; i + 4 <= m; i += 4) {
    const x0 = alpha * load<f64>(at(x, i));
    const x1 = alpha * load<f64>(at(x, i), 8);
    const x2 = alpha * load<f64>(at(x, i), 16);
    const x3 = alpha * load<f64>(at(x, i), 24);
    const w0 = f64x2.splat(x0);
    const w1 = f64x2.splat(x1);
    const w2 = f64x2.splat(x2);
    const w3 = f64x2.splat(x3);
    let p = at(a, i * lda);
    let q = y;
    let j = 0;
    for (; j + 2 <= n; j += 2) {
      const s01 = f64x2.add(f64x2.mul(w0, v128.load(p)), f64x2.mul(w1, v128.load(p + row)));
      const s23 = f64x2.add(f64x2.mul(w2, v128.load(p + 2 * row)), f64x2.mul(w3, v128.load(p + 3 * row)));
      v128.store(q, f64x2.add(v128.load(q), f64x2.add(s01, s23)));
      p += 16;
      q += 16;
    }
    if (j < n) {
      const s01 = x0 * load<f64>(p) + x1 * load<f64>(p + row);
      const s23 = x2 * load<f64>(p + 2 * row) + x3 * load<f64>(p + 3 * row);
      store<f64>(q, load<f64>(q) + (s01 + s23));
    }
  }
  for (; i < m; i++) {
    const scale = alpha * load<f64>(at(x, i));
    const p = at(a, i * lda);
    for (let j = 0; j < n; j++) {
      store<f64>(at(y, j), load<f64>(at(y, j)) + scale * load<f64>(at(p, j)));
    }
  }
}
