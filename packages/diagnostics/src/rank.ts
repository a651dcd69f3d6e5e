/** Rank normalisation (Vehtari et al. 2021, section 4.1): draws become the normal scores of their ranks. */
import { normalQuantile } from '@srmcmc/core';

/** Blom's offset (1958). */
const OFFSET = 3 / 8;

/** z = Φ⁻¹((rank − 3/8) / (S + 1/4)) among all S draws; equal draws share the mean of their ranks. */
export function rankNormalised(chains: readonly Float64Array[]): Float64Array[] {
  const length = chains[0]!.length;
  const size = chains.length * length;
  const draw = (index: number): number => chains[Math.floor(index / length)]![index % length]!;
  const order = Uint32Array.from({ length: size }, (_, i) => i).sort((a, b) => draw(a) - draw(b));
  const scores = chains.map(() => new Float64Array(length));
  for (let first = 0; first < size;) {
    let last = first;
    while (last + 1 < size && draw(order[last + 1]!) === draw(order[first]!)) last++;
    const rank = (first + last) / 2 + 1;
    const score = normalQuantile((rank - OFFSET) / (size - 2 * OFFSET + 1));
    for (const index of order.subarray(first, last + 1))
      scores[Math.floor(index / length)]![index % length] = score;
    first = last + 1;
  }
  return scores;
}
