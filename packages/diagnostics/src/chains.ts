/** Draws of one quantity by several chains: what every diagnostic is computed from. */
import { InvalidArgumentError } from '@srmcmc/core';

/** One array of draws a chain, in the order in which they were made, all of the same length. */
export type Chains = readonly ArrayLike<number>[];

/** Half a chain needs two draws to have a variance. */
const FEWEST_DRAWS = 4;

/**
 * The chains in double precision.
 *
 * @throws InvalidArgumentError, with the name `field`, unless there is a chain, all have the same length of at least
 * `fewest`, and every draw is finite.
 */
export function requireChains(chains: Chains, field = 'chains', fewest = FEWEST_DRAWS): Float64Array[] {
  const length = chains[0]?.length ?? 0;
  if (length < fewest) {
    const found = chains.length === 0 ? 'no chain' : `${length} draws`;
    throw new InvalidArgumentError(field, `must hold chains of at least ${fewest} draws, got ${found}`);
  }
  return chains.map((chain, i) => {
    if (chain.length !== length)
      throw new InvalidArgumentError(`${field}[${i}]`, `has ${chain.length} draws, others have ${length}`);
    const draws = Float64Array.from(chain);
    const bad = draws.findIndex((draw) => !Number.isFinite(draw));
    if (bad !== -1)
      throw new InvalidArgumentError(`${field}[${i}][${bad}]`, `must be finite, got ${chain[bad]}`);
    return draws;
  });
}

/** The two halves of every chain as chains of their own; the middle draw of an odd number is left out. */
export function splitInHalf(chains: readonly Float64Array[]): Float64Array[] {
  return chains.flatMap((chain) => {
    const half = Math.floor(chain.length / 2);
    return [chain.subarray(0, half), chain.subarray(chain.length - half)];
  });
}

/** The same function of every draw. */
export function mapDraws(
  chains: readonly Float64Array[],
  change: (draw: number, index: number, chain: number) => number,
): Float64Array[] {
  return chains.map((chain, i) => chain.map((draw, j) => change(draw, j, i)));
}

/** All draws in increasing order. */
export function sorted(chains: readonly Float64Array[]): Float64Array {
  return Float64Array.from(chains.flatMap((chain) => [...chain])).sort();
}

/** The mean, and the sum of squared distances from it, which is 0 exactly where all draws are equal. */
export function meanAndSquares(draws: ArrayLike<number>): { mean: number; squares: number } {
  const shift = draws[0]!;
  let mean = shift;
  for (let i = 0; i < draws.length; i++) mean += (draws[i]! - shift) / draws.length;
  let squares = 0;
  for (let i = 0; i < draws.length; i++) squares += (draws[i]! - mean) ** 2;
  return { mean, squares };
}

/** The quantile of sorted draws, with straight lines between the order statistics (type 7 of Hyndman and Fan 1996). */
export function quantileOf(ordered: Float64Array, probability: number): number {
  const position = probability * (ordered.length - 1);
  const below = Math.floor(position);
  const fraction = position - below;
  return fraction === 0 ? ordered[below]! : (1 - fraction) * ordered[below]! + fraction * ordered[below + 1]!;
}
