/**
 * Estimating equations on finitely many states (Nijkamp et al. 2019, 7.2): θ̂ solves mean_i h(x_i; θ) = 0, and is
 * asymptotically N(θ*, V/n) with V = A⁻¹ B A⁻ᵀ, A = E[∂h/∂θ], B = Var h.
 */
import { foldIn, type Key, uniforms } from '@srmcmc/core';
import { covariance, type Distribution, type Feature, moments } from './finite.ts';
import { inverse, type Matrix, multiply, transpose } from './linear-algebra.ts';
import { jacobian, newton } from './newton.ts';
import { mean, variance } from './statistics.ts';

/** p_θ, a law on the states for each θ. */
export type Family = (theta: readonly number[]) => Distribution;

/** h(x; θ), one feature a parameter, with mean 0 under the law of θ. */
export type EstimatingFunction = (theta: readonly number[]) => readonly Feature[];

/** h = g − E_θ[g]: matches the moments of g. With g = ∂f/∂θ and an exponential family it is the score. */
export function matching(g: readonly Feature[], family: Family): EstimatingFunction {
  return (theta) => {
    const means = moments(family(theta), g);
    return g.map((values, k) => Float64Array.from(values, (value) => value - means[k]!));
  };
}

/** A = E[∂h/∂θ] and V = A⁻¹ B A⁻ᵀ at θ. */
export function sandwich(
  h: EstimatingFunction,
  family: Family,
  theta: readonly number[],
): { slope: Matrix; V: Matrix } {
  const truth = family(theta);
  const slope = jacobian((t) => moments(truth, h(t)), theta);
  const bread = inverse(slope);
  return { slope, V: multiply(multiply(bread, covariance(truth, h(theta))), transpose(bread)) };
}

/** Fisher's information Var ∂ log p_θ/∂θ: no V is less than its inverse (Cramér and Rao). */
export function fisherInformation(family: Family, theta: readonly number[]): number[][] {
  const scores = transpose(jacobian((t) => Array.from(family(t), Math.log), theta));
  return covariance(family(theta), scores);
}

export interface Replicates {
  /** n times the empirical covariance of the estimates. */
  readonly covariance: Matrix;
  /** The standard error of each of its elements. */
  readonly errors: Matrix;
  /** Samples whose equation has no root near θ. */
  readonly without: number;
}

/** Estimates θ from each of `replicates` samples of n points of the law at `theta`. */
export function replicated(
  h: EstimatingFunction,
  family: Family,
  theta: readonly number[],
  { n, replicates, key }: { n: number; replicates: number; key: Key },
): Replicates {
  const truth = family(theta);
  const { slope } = sandwich(h, family, theta);
  const estimates: number[][] = [];
  for (let r = 0; r < replicates; r++) {
    const sample = frequencies(truth, n, foldIn(key, r));
    try {
      estimates.push(newton((t) => moments(sample, h(t)), theta, slope));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  const count = estimates.length;
  const centre = theta.map((_, j) => mean(estimates.map((estimate) => estimate[j]!)));
  const products = theta.map((_, j) =>
    theta.map((_, k) => estimates.map((t) => n * (t[j]! - centre[j]!) * (t[k]! - centre[k]!))),
  );
  return {
    covariance: products.map((row) => row.map((values) => (mean(values) * count) / (count - 1))),
    errors: products.map((row) => row.map((values) => Math.sqrt(variance(values) / count))),
    without: replicates - count,
  };
}

/** The share of each state in n draws. */
function frequencies(law: Distribution, n: number, key: Key): Distribution {
  const shares = new Float64Array(law.length);
  for (const u of uniforms(key, 1, n)) {
    let [state, below] = [0, law[0]!];
    while (u >= below && state < law.length - 1) below += law[++state]!;
    shares[state]! += 1 / n;
  }
  return shares;
}
