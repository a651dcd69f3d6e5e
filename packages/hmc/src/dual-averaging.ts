/** Step size by dual averaging (Hoffman and Gelman 2014, section 3.2; Nesterov 2009). */

/** γ, t₀ and κ of Hoffman and Gelman 2014, section 3.2.1. */
const SHRINKAGE = 0.05;
const STABILISATION = 10;
const FORGETTING = 0.75;

export interface DualAveraging {
  /** ε_m, to be used next. */
  readonly stepSize: number;
  /** ε̄_m, what is kept in the end. */
  readonly averaged: number;
  /** Takes the acceptance probability that `stepSize` gave. */
  update(acceptance: number): void;
}

/** Steers the mean acceptance probability to `target`, from a first step size (Algorithm 5). */
export function dualAveraging(first: number, target: number): DualAveraging {
  // μ = log(10 ε₁): early steps are drawn to large sizes, whose failure costs little.
  const attractor = Math.log(10 * first);
  let count = 0;
  let meanError = 0;
  let logSize = Math.log(first);
  let logAveraged = 0;
  return {
    get stepSize() {
      return Math.exp(logSize);
    },
    get averaged() {
      return count === 0 ? first : Math.exp(logAveraged);
    },
    update(acceptance) {
      count++;
      const rate = 1 / (count + STABILISATION);
      meanError = (1 - rate) * meanError + rate * (target - acceptance);
      logSize = attractor - (Math.sqrt(count) / SHRINKAGE) * meanError;
      const weight = count ** -FORGETTING;
      logAveraged = weight * logSize + (1 - weight) * logAveraged;
    },
  };
}
