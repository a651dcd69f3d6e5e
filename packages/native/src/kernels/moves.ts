/** What moves the chains of a short run, from a kernel's attributes to the addon's arguments. */

import type { Precision } from '../addon.ts';

/** What every short run's attributes hold, besides those of its move. */
export interface ShortRunAttrs {
  readonly network: unknown;
  readonly steps: number;
  /** Steps (1 .. steps) after which the positions are kept, in increasing order; none unless given. */
  readonly snapshots?: readonly number[];
  /** Two words, or none where the noise is off. */
  readonly key: readonly number[];
  readonly firstChain: number;
  /** What `setPrecision` set, unless given. */
  readonly precision?: Precision;
}

/** One kind of transition, on its way to the addon. */
export interface Move {
  /** Between the network and the key, and between the first chain and the snapshots. */
  readonly options: readonly number[];
  readonly schedules: readonly (Float32Array | null)[];
  /** How many numbers a step it reports besides f and the norm of its gradient. */
  readonly reports: number;
  /** Gradients of a whole run for one chain. */
  readonly gradients: number;
}

/** Its attributes, checked: `require` throws a TypeError where a condition does not hold. */
export type MoveOf<A> = (attrs: A & ShortRunAttrs, require: (holds: boolean, what: string) => void) => Move;

interface LangevinAttrs {
  /** x ← x + drift[t] · f'(x) + noise[t] · z at step t < steps. */
  readonly drift: readonly number[];
  readonly noise: readonly number[];
  /** Bounds of the gradient's elements and of x's; infinite where off. */
  readonly clampGradient: number;
  readonly clampSample: readonly [low: number, high: number];
}

export const langevinMove: MoveOf<LangevinAttrs> = (
  { steps, key, drift, noise, clampGradient, clampSample },
  require,
) => {
  require(drift?.length === steps &&
    noise?.length === steps, "'drift' and 'noise' must have a number a step");
  require(clampSample?.length === 2, "'clampSample' must be [low, high]");
  return {
    options: [clampGradient, ...clampSample],
    schedules: [
      Float32Array.from(drift),
      key.length === 0 ? new Float32Array(steps) : Float32Array.from(noise),
    ],
    reports: 0,
    gradients: steps,
  };
};

interface HmcAttrs {
  /** Of a leapfrog step, at each step. */
  readonly stepSize: readonly number[];
  readonly leapfrogSteps: number;
  readonly metropolis: boolean;
  readonly temperature: number;
  readonly jitter: number;
  readonly persistence: number;
  /** Square roots of the inverse mass' diagonal, one for each element of x; none for a unit mass. */
  readonly massRoots: readonly number[];
}

/** Reports the acceptance, where there is a Metropolis test, and the energy error. */
export const hmcMove: MoveOf<HmcAttrs> = (attrs, require) => {
  const { steps, key, stepSize, leapfrogSteps, metropolis, massRoots } = attrs;
  require(stepSize?.length === steps, "'stepSize' must have a number a step");
  require(Array.isArray(massRoots), "'massRoots' must be an array");
  return {
    options: [
      leapfrogSteps,
      Number(metropolis),
      Number(key.length > 0),
      ...[attrs.temperature, attrs.jitter, attrs.persistence],
    ],
    schedules: [Float32Array.from(stepSize), massRoots.length === 0 ? null : Float32Array.from(massRoots)],
    reports: metropolis ? 2 : 1,
    gradients: steps * leapfrogSteps + 1,
  };
};
