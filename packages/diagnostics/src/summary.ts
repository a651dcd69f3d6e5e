/** One quantity's estimates and how far to trust them. */
import { type Chains, meanAndSquares, requireChains, sorted } from './chains.ts';
import { bulkEss, tailEss } from './ess.ts';
import { mcseMean, mcseSd } from './mcse.ts';
import { rHat } from './r-hat.ts';

export interface Summary {
  readonly mean: number;
  readonly sd: number;
  readonly mcseMean: number;
  readonly mcseSd: number;
  readonly rHat: number;
  readonly bulkEss: number;
  readonly tailEss: number;
}

/** All diagnostics of one quantity, a row of the table that Stan and ArviZ print. Throws as `bulkEss` does. */
export function summarise(chains: Chains): Summary {
  const draws = sorted(requireChains(chains));
  const { mean, squares } = meanAndSquares(draws);
  return {
    mean,
    sd: Math.sqrt(squares / (draws.length - 1)),
    mcseMean: mcseMean(chains),
    mcseSd: mcseSd(chains),
    rHat: rHat(chains),
    bulkEss: bulkEss(chains),
    tailEss: tailEss(chains),
  };
}
