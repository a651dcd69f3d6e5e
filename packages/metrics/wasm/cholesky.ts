/**
 * The factor of a positive semi-definite matrix by Cholesky's method with complete pivoting, which stops where nothing
 * is left but rounding errors (Higham 2002, section 10.3; LAPACK's dpstrf): singular matrices are no special case.
 */
import { addLowerGram } from './matrices';
import { addProduct, at } from './vectors';

/** Columns that are eliminated before the rest of the matrix is brought up to date. */
const BLOCK: i32 = 64;
const EPSILON: f64 = 2.220446049250313e-16;
/** Of the largest variance, what a matrix that went through single precision may have wrong. */
const SINGLE_NOISE: f64 = 1e-6;
const LARGEST_NOISE: f64 = 1e-5;

/** Doubles of scratch space for a matrix of this order. */
export function choleskyScratch(n: i32): i32 {
  return n * (BLOCK + 4);
}

/** Whether the last matrix had a negative eigenvalue that is more than noise. */
export let isIndefinite: bool = false;

/**
 * Writes F [rank, n] with A = Fᵀ F and returns the rank. A [n, n], symmetric, is overwritten.
 */
export function factorise(n: i32, a: usize, f: usize, scratch: usize): i32 {
  const panel = scratch;
  const diagonal = at(panel, n * BLOCK);
  const column = at(diagonal, n);
  const index = at(column, n);
  const eliminated = at(index, n);
  for (let i = 0; i < n; i++) {
    store<f64>(at(diagonal, i), load<f64>(at(a, i * n + i)));
    store<i32>(at(index, i), i);
  }
  const largest = load<f64>(at(diagonal, largestOf(n, diagonal)));
  const noise = <f64>n * EPSILON * largest;
  let rank = 0;
  let left = n;
  isIndefinite = false;
  while (left > 0) {
    const columns = min(BLOCK, left);
    memory.fill(panel, 0, (<usize>left * BLOCK) << 3);
    memory.fill(eliminated, 0, (<usize>left) << 3);
    for (let t = 0; t < columns; t++) {
      const p = largestOf(left, diagonal);
      const pivot = load<f64>(at(diagonal, p));
      if (!(pivot > noise)) return rank;
      for (let i = 0; i < left; i++) {
        // Only what lies below the diagonal is kept up to date.
        store<f64>(at(column, i), load<f64>(i < p ? at(a, p * left + i) : at(a, i * left + p)));
      }
      addProduct(left, t, -1, panel, BLOCK, at(panel, p * BLOCK), column);
      if (isNoise(left, pivot, column, diagonal, eliminated, largest) || isIndefinite) return rank;
      const root = Math.sqrt(pivot);
      const row = at(f, rank * n);
      memory.fill(row, 0, (<usize>n) << 3);
      store<f64>(at(column, p), pivot);
      for (let i = 0; i < left; i++) {
        if (load<i32>(at(eliminated, i))) continue;
        const value = load<f64>(at(column, i)) / root;
        store<f64>(at(panel, i * BLOCK + t), value);
        store<f64>(at(row, load<i32>(at(index, i))), value);
        store<f64>(at(diagonal, i), load<f64>(at(diagonal, i)) - value * value);
      }
      store<i32>(at(eliminated, p), 1);
      store<f64>(at(diagonal, p), 0);
      rank += 1;
    }
    left = keepRemaining(left, a, panel, diagonal, index, eliminated);
    addLowerGram(left, columns, -1, panel, BLOCK, a, left);
  }
  return rank;
}

function largestOf(n: i32, values: usize): i32 {
  let largest = 0;
  for (let i = 1; i < n; i++) {
    if (load<f64>(at(values, i)) > load<f64>(at(values, largest))) largest = i;
  }
  return largest;
}

/**
 * Whether what is left of the matrix is noise. Of a semi-definite one a_ip² ≤ a_ii a_pp; what an element exceeds that
 * by is an error of a_ii. Where it is large for a large a_ip, the matrix is indefinite.
 */
function isNoise(n: i32, pivot: f64, column: usize, diagonal: usize, eliminated: usize, largest: f64): bool {
  for (let i = 0; i < n; i++) {
    if (load<i32>(at(eliminated, i))) continue;
    const value = Math.abs(load<f64>(at(column, i)));
    const excess = (value / pivot) * value - load<f64>(at(diagonal, i));
    if (!(excess > SINGLE_NOISE * largest)) continue;
    if (value <= LARGEST_NOISE * largest) return true;
    if (excess > LARGEST_NOISE * largest) isIndefinite = true;
  }
  return false;
}

/** Removes eliminated rows and columns from everything, and returns how many rows are left. */
function keepRemaining(
  n: i32,
  a: usize,
  panel: usize,
  diagonal: usize,
  index: usize,
  eliminated: usize,
): i32 {
  let left = 0;
  for (let i = 0; i < n; i++) if (!load<i32>(at(eliminated, i))) left++;
  let row = 0;
  for (let i = 0; i < n; i++) {
    if (load<i32>(at(eliminated, i))) continue;
    let kept = 0;
    for (let j = 0; j <= i; j++) {
      if (load<i32>(at(eliminated, j))) continue;
      store<f64>(at(a, row * left + kept), load<f64>(at(a, i * n + j)));
      kept++;
    }
    memory.copy(at(panel, row * BLOCK), at(panel, i * BLOCK), BLOCK << 3);
    store<f64>(at(diagonal, row), load<f64>(at(diagonal, i)));
    store<i32>(at(index, row), load<i32>(at(index, i)));
    row++;
  }
  return left;
}
