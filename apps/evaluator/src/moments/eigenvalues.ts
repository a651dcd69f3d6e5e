/**
 * Eigenvalues of a symmetric matrix: Householder's reduction to a tridiagonal matrix, then bisection on the number of
 * eigenvalues below a value (Golub and Van Loan 2013, sections 8.3.1 and 8.4.1).
 */

/** Halvings of an interval until its ends are neighbouring doubles, or nearly so. */
const BISECTIONS = 60;
/** In place of a pivot of 0, by which the next one is divided. */
const SMALLEST_PIVOT = 1e-300;

interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** Squares of the elements beside the diagonal; the first is 0. */
  readonly squares: Float64Array;
}

/** The eigenvalues of a symmetric matrix [dimension, dimension], row-major, largest first. */
export function symmetricEigenvalues(matrix: Float64Array, dimension: number): Float64Array {
  const tridiagonal = tridiagonalise(matrix.slice(), dimension);
  const { diagonal, squares } = tridiagonal;
  // Gershgorin: no eigenvalue is farther from 0 than the largest sum of a row's magnitudes.
  const bound = diagonal.reduce((largest, value, i) => {
    const beside = Math.sqrt(squares[i]!) + Math.sqrt(squares[i + 1] ?? 0);
    return Math.max(largest, Math.abs(value) + beside);
  }, 0);
  return Float64Array.from({ length: dimension }, (_, i) =>
    kthSmallest(tridiagonal, dimension - 1 - i, bound),
  );
}

/** Reflects `a`, which is overwritten, column by column, until only the diagonals beside the main one are left. */
function tridiagonalise(a: Float64Array, n: number): Tridiagonal {
  const squares = new Float64Array(n);
  const v = new Float64Array(n);
  const w = new Float64Array(n);
  for (let k = 0; k < n - 1; k++) {
    let norm = 0;
    for (let i = k + 1; i < n; i++) norm += (v[i] = a[i * n + k]!) ** 2;
    squares[k + 1] = norm;
    // v = x ± |x| e_1, with the sign that cancels nothing.
    v[k + 1]! += (v[k + 1]! >= 0 ? 1 : -1) * Math.sqrt(norm);
    let length = 0;
    for (let i = k + 1; i < n; i++) length += v[i]! ** 2;
    if (length === 0) continue;
    reflect(a, n, k + 1, v, w, 2 / length);
  }
  return { diagonal: Float64Array.from({ length: n }, (_, i) => a[i * n + i]!), squares };
}

/** A ← (I − β v vᵀ) A (I − β v vᵀ) on the rows and columns from `first` on; `w` is scratch. */
function reflect(
  a: Float64Array,
  n: number,
  first: number,
  v: Float64Array,
  w: Float64Array,
  beta: number,
): void {
  let inner = 0;
  for (let i = first; i < n; i++) {
    let sum = 0;
    for (let j = first; j < n; j++) sum += a[i * n + j]! * v[j]!;
    w[i] = beta * sum;
    inner += w[i]! * v[i]!;
  }
  for (let i = first; i < n; i++) w[i]! -= (beta / 2) * inner * v[i]!;
  for (let i = first; i < n; i++) {
    for (let j = first; j < n; j++) a[i * n + j]! -= v[i]! * w[j]! + w[i]! * v[j]!;
  }
}

/** The eigenvalue that k others are not above. */
function kthSmallest(tridiagonal: Tridiagonal, k: number, bound: number): number {
  let [low, high] = [-bound, bound];
  for (let i = 0; i < BISECTIONS; i++) {
    const middle = (low + high) / 2;
    if (countBelow(tridiagonal, middle) > k) high = middle;
    else low = middle;
  }
  return (low + high) / 2;
}

/** By Sylvester's law of inertia: the number of negative pivots of the matrix less x on its diagonal. */
function countBelow({ diagonal, squares }: Tridiagonal, x: number): number {
  let count = 0;
  let pivot = 1;
  for (let i = 0; i < diagonal.length; i++) {
    pivot = diagonal[i]! - x - squares[i]! / pivot;
    if (pivot === 0) pivot = SMALLEST_PIVOT;
    if (pivot < 0) count += 1;
  }
  return count;
}
