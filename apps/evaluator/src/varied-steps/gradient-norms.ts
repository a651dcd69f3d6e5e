/** Mean |f'| before every step, over the chains of all batches. */
import type { VariedStepsBatch } from './chains.ts';

export interface GradientRow {
  /** K. */
  readonly steps: number;
  /** Mean |f'| over the chains and the K steps, as in Table 2. */
  readonly gradientNorm: number;
  /** Mean |f'| over the chains before the last of the steps. */
  readonly lastGradientNorm: number;
}

export class GradientNorms {
  readonly #sums: Float64Array;
  #chains = 0;

  constructor(steps: number) {
    this.#sums = new Float64Array(steps);
  }

  add({ gradientNorm, count }: VariedStepsBatch): void {
    gradientNorm.forEach((norm, step) => (this.#sums[step]! += norm * count));
    this.#chains += count;
  }

  /** After K steps. */
  of(steps: number): GradientRow {
    const sum = this.#sums.subarray(0, steps).reduce((total, norm) => total + norm, 0);
    const chains = this.#chains;
    return { steps, gradientNorm: sum / chains / steps, lastGradientNorm: this.#sums[steps - 1]! / chains };
  }
}
