/** Eigenvalues of a symmetric matrix by Jacobi's rotations (Golub and Van Loan 2013, section 8.5). */

const MOST_SWEEPS = 60;

/** The eigenvalues of a symmetric matrix [dimension, dimension], row-major, largest first. The matrix is not altered. */
export function symmetricEigenvalues(matrix: Float64Array, dimension: number): Float64Array {
  const a = matrix.slice();
  const tolerance = Number.EPSILON ** 2 * a.reduce((sum, value) => sum + value * value, 0);
  for (let sweep = 0; sweep < MOST_SWEEPS && offDiagonal(a, dimension) > tolerance; sweep++) {
    for (let p = 0; p < dimension - 1; p++) {
      for (let q = p + 1; q < dimension; q++) rotate(a, dimension, p, q);
    }
  }
  return Float64Array.from({ length: dimension }, (_, i) => a[i * dimension + i]!)
    .sort()
    .reverse();
}

/** Σ of squares off the diagonal. */
function offDiagonal(a: Float64Array, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) if (i !== j) sum += a[i * n + j]! ** 2;
  return sum;
}

/** The rotation in the plane (p, q) that makes a[p, q] zero. */
function rotate(a: Float64Array, n: number, p: number, q: number): void {
  const apq = a[p * n + q]!;
  if (apq === 0) return;
  const theta = (a[q * n + q]! - a[p * n + p]!) / (2 * apq);
  const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const cos = 1 / Math.hypot(t, 1);
  const sin = t * cos;
  for (let k = 0; k < n; k++) {
    const akp = a[k * n + p]!;
    const akq = a[k * n + q]!;
    a[k * n + p] = cos * akp - sin * akq;
    a[k * n + q] = sin * akp + cos * akq;
  }
  for (let k = 0; k < n; k++) {
    const apk = a[p * n + k]!;
    const aqk = a[q * n + k]!;
    a[p * n + k] = cos * apk - sin * aqk;
    a[q * n + k] = sin * apk + cos * aqk;
  }
}
