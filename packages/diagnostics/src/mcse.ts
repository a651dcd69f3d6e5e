/** Monte Carlo standard errors: how far estimates from these draws are from what infinitely many would give. */
import { betaQuantile } from './beta-quantile.ts';
import { type Chains, meanAndSquares, requireChains, sorted } from './chains.ts';
import { meanEss, quantileEss, sdEss } from './ess.ts';

/** sd/√ESS of the mean of all draws. Throws as `bulkEss` does. */
export function mcseMean(chains: Chains): number {
  const draws = sorted(requireChains(chains));
  return Math.sqrt(meanAndSquares(draws).squares / (draws.length - 1) / meanEss(chains));
}

/**
 * The standard error of the standard deviation of all draws, from that of the variance by the delta method, as Stan's
 * posterior package and ArviZ have it. Throws as `bulkEss` does.
 */
export function mcseSd(chains: Chains): number {
  const draws = sorted(requireChains(chains));
  const { mean, squares } = meanAndSquares(draws);
  const variance = squares / draws.length;
  if (variance === 0) return 0;
  const fourth = draws.reduce((sum, draw) => sum + (draw - mean) ** 4, 0) / draws.length;
  return Math.sqrt((fourth - variance ** 2) / sdEss(chains) / variance / 4);
}

/** Φ(−1) and Φ(1). */
const ONE_SIGMA = [0.1586553, 0.8413447] as const;

/**
 * The standard error of a quantile: half the distance between the order statistics that enclose it with the
 * probability of ± one standard deviation (Vehtari et al. 2021, section 4.4). Throws as `bulkEss` does, and for a
 * probability outside (0, 1).
 */
export function mcseQuantile(chains: Chains, probability: number): number {
  const ess = quantileEss(chains, probability);
  const draws = sorted(requireChains(chains));
  const last = draws.length - 1;
  const [low, high] = ONE_SIGMA.map(
    (p) => betaQuantile(p, ess * probability + 1, ess * (1 - probability) + 1) * draws.length - 1,
  ) as [number, number];
  return (draws[Math.min(Math.ceil(high), last)]! - draws[Math.max(Math.floor(low), 0)]!) / 2;
}
