/**
 * Singular values of an upper bidiagonal matrix by the implicit QR iteration (Golub and Reinsch 1970), with shifts of
 * zero where the smallest of them would be lost (Demmel and Kahan 1990; LAPACK's dbdsqr).
 */
import { at } from './vectors';

const EPSILON: f64 = 2.220446049250313e-16;
/** Sweeps a singular value; two or three are usual. */
const MOST_SWEEPS: i32 = 60;

let cosine: f64 = 0;
let sine: f64 = 0;
let length: f64 = 0;

/** The rotation that turns (f, g) to (length, 0). */
function rotate(f: f64, g: f64): void {
  if (g == 0) {
    cosine = 1;
    sine = 0;
    length = f;
    return;
  }
  length = Math.sqrt(f * f + g * g);
  cosine = f / length;
  sine = g / length;
}

/**
 * Replaces the diagonal [n] by the singular values, in no order and with any sign; `beside` [n − 1] becomes 0.
 * Returns whether it converged.
 */
export function iterate(n: i32, diagonal: usize, beside: usize): bool {
  let norm: f64 = 0;
  for (let i = 0; i < n; i++) {
    norm = max(norm, Math.abs(load<f64>(at(diagonal, i))));
    if (i + 1 < n) norm = max(norm, Math.abs(load<f64>(at(beside, i))));
  }
  if (norm == 0) return true;
  // Of order 1, so that squares neither overflow nor vanish.
  scale(n, diagonal, 1 / norm);
  scale(n - 1, beside, 1 / norm);
  let end = n - 1;
  let sweeps = MOST_SWEEPS * n;
  while (end > 0) {
    if (isNegligible(end - 1, diagonal, beside)) {
      store<f64>(at(beside, end - 1), 0);
      end--;
      continue;
    }
    let start = end - 1;
    while (start > 0 && !isNegligible(start - 1, diagonal, beside)) start--;
    if (start > 0) store<f64>(at(beside, start - 1), 0);
    if (sweeps-- == 0) return false;
    // Chasing from the large end to the small one converges; the matrix turned by 180° has the same singular values.
    if (Math.abs(load<f64>(at(diagonal, start))) < Math.abs(load<f64>(at(diagonal, end)))) {
      reverse(start, end, diagonal);
      reverse(start, end - 1, beside);
    }
    const shift = shiftOf(start, end, diagonal, beside);
    if (shift == 0) sweepWithoutShift(start, end, diagonal, beside);
    else sweep(start, end, shift, diagonal, beside);
  }
  scale(n, diagonal, norm);
  return true;
}

function scale(n: i32, values: usize, factor: f64): void {
  for (let i = 0; i < n; i++) store<f64>(at(values, i), load<f64>(at(values, i)) * factor);
}

function reverse(first: i32, end: i32, values: usize): void {
  for (; first < end; first++, end--) {
    const value = load<f64>(at(values, first));
    store<f64>(at(values, first), load<f64>(at(values, end)));
    store<f64>(at(values, end), value);
  }
}

/** The largest singular value is about 1: what is below ε of it is below the accuracy that is asked for. */
function isNegligible(i: i32, diagonal: usize, beside: usize): bool {
  const neighbours = Math.abs(load<f64>(at(diagonal, i))) + Math.abs(load<f64>(at(diagonal, i + 1)));
  const value = Math.abs(load<f64>(at(beside, i)));
  return value <= EPSILON * neighbours || value <= 1e-3 * EPSILON;
}

/** The smaller singular value of the last two rows; 0 where it, or an element on the diagonal, is next to nothing. */
function shiftOf(start: i32, end: i32, diagonal: usize, beside: usize): f64 {
  let smallest = Infinity;
  let largest: f64 = 0;
  for (let i = start; i <= end; i++) {
    const value = Math.abs(load<f64>(at(diagonal, i)));
    smallest = min(smallest, value);
    largest = max(largest, value);
  }
  if (smallest <= EPSILON * largest) return 0;
  const f = Math.abs(load<f64>(at(diagonal, end - 1)));
  const g = Math.abs(load<f64>(at(beside, end - 1)));
  const h = Math.abs(load<f64>(at(diagonal, end)));
  // Of [f g; 0 h]: σ₁ + σ₂ and σ₁ − σ₂ are roots of sums of squares, and σ₁ σ₂ = f h.
  const sum = Math.sqrt((f + h) * (f + h) + g * g);
  const difference = Math.sqrt((f - h) * (f - h) + g * g);
  const shift = (2 * f * h) / (sum + difference);
  const first = Math.abs(load<f64>(at(diagonal, start)));
  return (shift / first) * (shift / first) < EPSILON ? 0 : shift;
}

function sweep(start: i32, end: i32, shift: f64, diagonal: usize, beside: usize): void {
  const first = load<f64>(at(diagonal, start));
  let f = (Math.abs(first) - shift) * ((first < 0 ? -1 : 1) + shift / first);
  let g = load<f64>(at(beside, start));
  for (let i = start; i < end; i++) {
    rotate(f, g);
    if (i > start) store<f64>(at(beside, i - 1), length);
    const d = load<f64>(at(diagonal, i));
    const e = load<f64>(at(beside, i));
    const next = load<f64>(at(diagonal, i + 1));
    const turned = cosine * e - sine * d;
    const cornered = cosine * next;
    f = cosine * d + sine * e;
    g = sine * next;
    rotate(f, g);
    store<f64>(at(diagonal, i), length);
    f = cosine * turned + sine * cornered;
    store<f64>(at(diagonal, i + 1), cosine * cornered - sine * turned);
    if (i + 1 < end) {
      const beyond = load<f64>(at(beside, i + 1));
      g = sine * beyond;
      store<f64>(at(beside, i + 1), cosine * beyond);
    }
  }
  store<f64>(at(beside, end - 1), f);
}

function sweepWithoutShift(start: i32, end: i32, diagonal: usize, beside: usize): void {
  let right: f64 = 1;
  let left: f64 = 1;
  let leftSine: f64 = 0;
  for (let i = start; i < end; i++) {
    rotate(load<f64>(at(diagonal, i)) * right, load<f64>(at(beside, i)));
    right = cosine;
    if (i > start) store<f64>(at(beside, i - 1), leftSine * length);
    rotate(left * length, load<f64>(at(diagonal, i + 1)) * sine);
    left = cosine;
    leftSine = sine;
    store<f64>(at(diagonal, i), length);
  }
  const rest = load<f64>(at(diagonal, end)) * right;
  store<f64>(at(diagonal, end), rest * left);
  store<f64>(at(beside, end - 1), rest * leftSine);
}
