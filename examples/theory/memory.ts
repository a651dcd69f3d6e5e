/** How much x_K = M(z, ξ) still tells of z. */
import { type Distribution, kl } from './finite.ts';
import { after, type Transition } from './grid-chain.ts';
import { mean } from './statistics.ts';

export interface Memory {
  readonly steps: number;
  /** I(z; x_K) = E_z KL(law of x_K given z ‖ q_K), in nats. */
  readonly information: number;
  /** Var E[x_K|z] / Var x_K: the share of x_K's variance that the best regression on z explains. */
  readonly explained: number;
}

/** Exactly, at K = 1, 2, 4, ..., 2^doublings: row z of the K-th power of the matrix is the law of x_K given z. */
export function memoryOnGrid(
  transition: Transition,
  points: ArrayLike<number>,
  start: Distribution,
  doublings: number,
): Memory[] {
  const all: Memory[] = [];
  let power = transition;
  for (let doubling = 0; doubling <= doublings; doubling++) {
    const q = after(power, start);
    const expected = (p: Distribution): number => p.reduce((sum, mass, i) => sum + mass * points[i]!, 0);
    const centre = expected(q);
    const spread = q.reduce((sum, mass, i) => sum + mass * (points[i]! - centre) ** 2, 0);
    let [information, between] = [0, 0];
    power.forEach((row, z) => {
      information += start[z]! * kl(row, q);
      between += start[z]! * (expected(row) - centre) ** 2;
    });
    all.push({ steps: 2 ** doubling, information, explained: between / spread });
    power = power.map((row) => after(power, row));
  }
  return all;
}

/**
 * The explained share from twins: pairs x, x′ [n, dimension], flat, that share z and not the noise, such that
 * Cov(x, x′) = Var E[x|z]. With its standard error.
 */
export function explainedByTwins(
  x: ArrayLike<number>,
  twin: ArrayLike<number>,
  dimension: number,
): { explained: number; error: number } {
  const rows = x.length / dimension;
  const coordinates = Array.from({ length: dimension }, (_, axis) => axis);
  const column = (of: ArrayLike<number>, axis: number): number[] =>
    Array.from({ length: rows }, (_, i) => of[i * dimension + axis]!);
  const centred = coordinates.map((axis) => {
    const [a, b] = [column(x, axis), column(twin, axis)];
    const centre = (mean(a) + mean(b)) / 2;
    return [a.map((v) => v - centre), b.map((v) => v - centre)] as const;
  });
  const each = (of: (a: number, b: number) => number): number[] =>
    Array.from({ length: rows }, (_, i) => centred.reduce((sum, [a, b]) => sum + of(a[i]!, b[i]!), 0));
  const [shared, whole] = [each((a, b) => a * b), each((a, b) => (a * a + b * b) / 2)];
  const explained = mean(shared) / mean(whole);
  // Of a ratio of means (the delta method).
  const residuals = shared.map((value, i) => value - explained * whole[i]!);
  return { explained, error: Math.sqrt(mean(residuals.map((r) => r * r)) / rows) / mean(whole) };
}
