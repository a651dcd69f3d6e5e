/** Whether two engines compute the same, and what an engine's speed is to be held against. */
import type { Peaks, Precision } from './protocol.ts';
import { median } from './statistics.ts';

/**
 * Relative error of a gradient that an engine may have. bfloat16 has 8 bits, and LeakyReLU masks near 0 flip: 6 to 9 %
 * in all of its engines. A sign, a bias or a transposition that is wrong makes 50 % and more.
 */
export const TOLERANCES: Readonly<Record<Precision, number>> = { float32: 1e-3, bfloat16: 0.15 };

/** Median over equal parts of ‖a − b‖ / ‖b‖: one image whose mask flips does not decide. */
export function relativeError(a: Float32Array, b: Float32Array, parts: number): number {
  if (a.length !== b.length) return NaN;
  const size = a.length / parts;
  const errors = Array.from({ length: parts }, (_, part) => {
    let [difference, norm] = [0, 0];
    for (let i = part * size; i < (part + 1) * size; i++) {
      difference += (a[i]! - b[i]!) ** 2;
      norm += b[i]! ** 2;
    }
    return Math.sqrt(difference / norm);
  });
  return errors.some(Number.isNaN) ? NaN : median(errors);
}

/** What a fraction of peak is of: bfloat16 products where the processor has them and the engine uses them. */
export function peakPrecisionOf(precision: Precision, peaks: readonly Peaks[]): Precision {
  const hasProducts = peaks.length > 0 && peaks.every(({ bfloat16 }) => bfloat16 !== undefined);
  return precision === 'bfloat16' && hasProducts ? 'bfloat16' : 'float32';
}
