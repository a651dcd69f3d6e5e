/** Effective sample sizes (Vehtari, Gelman, Simpson, Carpenter and Bürkner 2021, sections 3.2 and 4). */
import { InvalidArgumentError } from '@srmcmc/core';
import {
  type Chains,
  mapDraws,
  meanAndSquares,
  quantileOf,
  requireChains,
  sorted,
  splitInHalf,
} from './chains.ts';
import { rankNormalised } from './rank.ts';

/**
 * How many independent draws the chains are worth in the bulk of the distribution: the effective sample size of the
 * rank-normalised halves of the chains. At least 100 for each chain is asked for.
 *
 * Draws that are all equal count as independent. Throws InvalidArgumentError unless there are chains of one length
 * of at least 4, finite throughout.
 */
export function bulkEss(chains: Chains): number {
  return effectiveSize(rankNormalised(splitInHalf(requireChains(chains))));
}

/** The lesser of the effective sample sizes of the 5 % and the 95 % quantile. Throws as `bulkEss` does. */
export function tailEss(chains: Chains): number {
  return Math.min(quantileEss(chains, 0.05), quantileEss(chains, 0.95));
}

/** What the draws are worth for the mean. Throws as `bulkEss` does. */
export function meanEss(chains: Chains): number {
  return effectiveSize(splitInHalf(requireChains(chains)));
}

/** What the draws are worth for the standard deviation. Throws as `bulkEss` does. */
export function sdEss(chains: Chains): number {
  const draws = requireChains(chains);
  const centre = meanAndSquares(draws.flatMap((chain) => [...chain])).mean;
  return effectiveSize(splitInHalf(mapDraws(draws, (draw) => (draw - centre) ** 2)));
}

/** What the draws are worth for a quantile. Throws as `bulkEss` does, and for a probability outside (0, 1). */
export function quantileEss(chains: Chains, probability: number): number {
  if (!(probability > 0 && probability < 1))
    throw new InvalidArgumentError('probability', `must be between 0 and 1, got ${probability}`);
  const draws = requireChains(chains);
  const quantile = quantileOf(sorted(draws), probability);
  return effectiveSize(splitInHalf(mapDraws(draws, (draw) => (draw <= quantile ? 1 : 0))));
}

/**
 * S/τ with τ = −1 + 2 Σ P_k over Geyer's initial monotone positive sequence (1992) of P_k = ρ_2k + ρ_2k+1 (Vehtari et
 * al. 2021, eqs. 10 to 13). τ is at least 1/log₁₀ S, so that antithetic chains are worth at most S log₁₀ S draws.
 */
function effectiveSize(chains: readonly Float64Array[]): number {
  const draws = chains[0]!.length;
  const size = chains.length * draws;
  const first = chains[0]![0];
  if (chains.every((chain) => chain.every((draw) => draw === first))) return size;

  const correlation = autocorrelation(chains);
  let even = 1;
  let odd = correlation(1);
  let pair = Infinity;
  let sum = 0;
  // Lags cost one pass over the draws each, so that none is computed beyond the first negative pair.
  for (let lag = 2; lag + 1 < draws - 1 && even + odd > 0; lag += 2) {
    pair = Math.min(pair, even + odd);
    sum += pair;
    even = correlation(lag);
    odd = correlation(lag + 1);
  }
  // Of the pair at which the sequence stops, the even lag counts once (Stan and ArviZ do so).
  const rest = even + odd >= 0 ? even : Math.max(even, 0);
  return size / Math.max(-1 + 2 * sum + rest, 1 / Math.log10(size));
}

/** ρ_t of all chains together (Vehtari et al. 2021, eq. 10). */
function autocorrelation(chains: readonly Float64Array[]): (lag: number) => number {
  const draws = chains[0]!.length;
  const moments = chains.map(meanAndSquares);
  const centred = chains.map((chain, i) => chain.map((draw) => draw - moments[i]!.mean));
  const within = moments.reduce((sum, { squares }) => sum + squares, 0) / (draws - 1) / chains.length;
  const between = meanAndSquares(moments.map(({ mean }) => mean)).squares / (chains.length - 1);
  const total = (within * (draws - 1)) / draws + between;
  return (lag) => {
    let products = 0;
    for (const chain of centred) {
      for (let i = lag; i < draws; i++) products += chain[i]! * chain[i - lag]!;
    }
    return 1 - (within - products / draws / chains.length) / total;
  };
}
