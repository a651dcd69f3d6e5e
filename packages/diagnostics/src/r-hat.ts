/** The potential scale reduction factor R̂ (Gelman and Rubin 1992), in the form of Vehtari et al. 2021. */
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
 * Whether chains agree: the split R̂ of rank-normalised draws, or of rank-normalised distances from the median where
 * that is greater, so that chains of different location and of different scale are both noticed, and neither needs
 * finite moments (Vehtari et al. 2021, section 4). Above 1.01, run longer. NaN where all draws are equal.
 *
 * Throws InvalidArgumentError unless there are chains of one length of at least 4, finite throughout; one chain is
 * compared with itself, by halves.
 */
export function rHat(chains: Chains): number {
  const halves = splitInHalf(requireChains(chains));
  const median = quantileOf(sorted(halves), 0.5);
  const folded = mapDraws(halves, (draw) => Math.abs(draw - median));
  return Math.max(scaleReduction(rankNormalised(halves)), scaleReduction(rankNormalised(folded)));
}

/** √(((N − 1)/N W + B/N) / W): the spread of all draws over the spread within a chain (eqs. 1 to 4). */
function scaleReduction(chains: readonly Float64Array[]): number {
  const draws = chains[0]!.length;
  const moments = chains.map(meanAndSquares);
  const within = moments.reduce((sum, { squares }) => sum + squares, 0) / (draws - 1) / chains.length;
  const between = meanAndSquares(moments.map(({ mean }) => mean)).squares / (chains.length - 1);
  return Math.sqrt((draws - 1) / draws + between / within);
}
