/** Newton's method for F(θ) = 0 in a few dimensions. */
import { type Matrix, solve, transpose } from './linear-algebra.ts';

export type Equations = (theta: readonly number[]) => number[];

/** The largest |F| at which θ is a root. */
const TOLERANCE = 1e-13;
/** Of a central difference: its cube is below rounding errors, and they divided by it are as small. */
const DIFFERENCE = 1e-5;
const MOST_ITERATIONS = 500;
const SHORTEST_STEP = 2 ** -30;

/**
 * A θ with |F(θ)| ≤ 1e-13, or as near to it as rounding allows. Steps are halved until |F| falls. A constant `slope`
 * stands for ∂F/∂θ where the root is known to be near; it is taken by central differences unless given.
 *
 * Throws RangeError where the iteration comes to a halt elsewhere.
 */
export function newton(equations: Equations, start: readonly number[], slope?: Matrix): number[] {
  let theta = [...start];
  let value = equations(theta);
  for (let i = 0; i < MOST_ITERATIONS && norm(value) > TOLERANCE; i++) {
    const step = solve(
      slope ?? jacobian(equations, theta),
      value.map((v) => [v]),
    ).map(([v]) => v!);
    let length = 1;
    let [next, nextValue] = moved(length);
    while (!(norm(nextValue) < norm(value)) && length > SHORTEST_STEP)
      [next, nextValue] = moved((length /= 2));
    if (!(norm(nextValue) < norm(value))) break;
    [theta, value] = [next, nextValue];

    function moved(by: number): [number[], number[]] {
      const place = theta.map((t, k) => t - by * step[k]!);
      return [place, equations(place)];
    }
  }
  if (norm(value) > 100 * TOLERANCE) throw new RangeError(`no root: |F| comes to a halt at ${norm(value)}`);
  return theta;
}

/** ∂F_j/∂θ_k by central differences. */
export function jacobian(equations: Equations, theta: readonly number[]): number[][] {
  const columns = theta.map((_, k) => {
    const at = (sign: number): number[] =>
      equations(theta.map((t, j) => (j === k ? t + sign * DIFFERENCE : t)));
    const [above, below] = [at(1), at(-1)];
    return above.map((v, j) => (v - below[j]!) / (2 * DIFFERENCE));
  });
  return transpose(columns);
}

function norm(values: readonly number[]): number {
  return Math.max(...values.map(Math.abs));
}
