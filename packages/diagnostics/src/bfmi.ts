/** The energy diagnostic of Hamiltonian Monte Carlo. */
import { type Chains, meanAndSquares, requireChains } from './chains.ts';

/**
 * E-BFMI of each chain: the mean squared change of the energy from step to step over its variance (Betancourt 2016,
 * "Diagnosing suboptimal cotangent disintegrations in Hamiltonian Monte Carlo"). Below 0.3, the fresh momenta change
 * the energy too little for the chain to reach the tails: another parametrisation or mass is called for.
 *
 * `energies` are H, one array a chain: `statistics.hamiltonian` of a recording. NaN where a chain's energies are all
 * equal. Throws InvalidArgumentError unless chains have one length of at least 2 and are finite.
 */
export function bfmi(energies: Chains): number[] {
  return requireChains(energies, 'energies', 2).map((chain) => {
    let changes = 0;
    for (let i = 1; i < chain.length; i++) changes += (chain[i]! - chain[i - 1]!) ** 2;
    return changes / meanAndSquares(chain).squares;
  });
}
