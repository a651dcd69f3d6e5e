/** Distributions on finitely many points: every expectation is a sum, in double precision. */

/** Probabilities that add up to 1. */
export type Distribution = Float64Array;

/** One number for each point. */
export type Feature = ArrayLike<number>;

export function normalised(weights: Feature): Distribution {
  const total = sum(weights.length, (i) => weights[i]!);
  return Float64Array.from(weights, (weight) => weight / total);
}

/** p ∝ base · exp(f): the energy-based model of a negative energy f. */
export function tilted(base: Distribution, f: Feature): Distribution {
  const largest = Math.max(...Array.from(f));
  return normalised(base.map((mass, i) => mass * Math.exp(f[i]! - largest)));
}

/** E_p[h] of each feature. */
export function moments(p: Distribution, features: readonly Feature[]): number[] {
  return features.map((h) => sum(p.length, (i) => p[i]! * h[i]!));
}

/** Cov_p(g, h), a matrix. */
export function covariance(p: Distribution, g: readonly Feature[], h = g): number[][] {
  const [meanG, meanH] = [moments(p, g), moments(p, h)];
  return g.map((gj, j) =>
    h.map((hk, k) => sum(p.length, (i) => p[i]! * (gj[i]! - meanG[j]!) * (hk[i]! - meanH[k]!))),
  );
}

/** H(p) in nats. */
export function entropy(p: Distribution): number {
  return -sum(p.length, (i) => (p[i]! > 0 ? p[i]! * Math.log(p[i]!) : 0));
}

/** KL(p‖q) in nats; as a sum of terms that are not negative, so that it is exact for p near q, too. */
export function kl(p: Distribution, q: Distribution): number {
  return sum(p.length, (i) => (p[i]! > 0 ? p[i]! * Math.log(p[i]! / q[i]!) - p[i]! + q[i]! : q[i]!));
}

function sum(n: number, term: (i: number) => number): number {
  let total = 0;
  for (let i = 0; i < n; i++) total += term(i);
  return total;
}
