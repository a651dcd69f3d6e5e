/**
 * numpy.random.RandomState's permutations, for torch-fidelity draws its subsets with them: the same seed gives the same
 * subsets, and so the same score to the last printed digit.
 */

const STATES = 624;
const SHIFTED = 397;
const UPPER = 0x80000000;
const LOWER = 0x7fffffff;

/** The Mersenne twister MT19937 (Matsumoto and Nishimura 1998), seeded as RandomState(seed) is. */
export class NumpyRandomState {
  readonly #state = new Uint32Array(STATES);
  #next = STATES;

  /** A seed of 32 bits. */
  constructor(seed: number) {
    this.#state[0] = seed;
    for (let i = 1; i < STATES; i++) {
      const previous = this.#state[i - 1]!;
      this.#state[i] = Math.imul(1812433253, previous ^ (previous >>> 30)) + i;
    }
  }

  /** RandomState.permutation(n); its first k elements are RandomState.choice(n, k, replace=False). */
  permutation(n: number): Uint32Array {
    const order = Uint32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.#integer(i);
      const swapped = order[i]!;
      order[i] = order[j]!;
      order[j] = swapped;
    }
    return order;
  }

  /** In 0 .. max: the low bits of draws, of which those above max are thrown away. */
  #integer(max: number): number {
    const mask = max === 0 ? 0 : 2 ** (32 - Math.clz32(max)) - 1;
    let value;
    do value = (this.#word() & mask) >>> 0;
    while (value > max);
    return value;
  }

  #word(): number {
    if (this.#next === STATES) this.#renew();
    let y = this.#state[this.#next++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  #renew(): void {
    const state = this.#state;
    for (let i = 0; i < STATES; i++) {
      const y = (state[i]! & UPPER) | (state[(i + 1) % STATES]! & LOWER);
      state[i] = state[(i + SHIFTED) % STATES]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.#next = 0;
  }
}
