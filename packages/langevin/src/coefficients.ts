/** The two coefficients of a Langevin step, drift and noise, from either form of its options. */
import { InvalidArgumentError, nonNegativeAt, type Schedule } from '@srmcmc/core';

/** Textbook form: drift Δ²/2 and noise Δ from one step size Δ. */
export interface StepSizeOptions {
  /** Δ. */
  readonly stepSize: Schedule;
}

/** Free form: drift · f'(x) + noise · U. The paper's program: drift 1, noise 0.01. */
export interface DriftNoiseOptions {
  readonly drift: Schedule;
  readonly noise: Schedule;
}

/**
 * The coefficients at the index of a step.
 *
 * @throws InvalidArgumentError where neither form is given, or both are; the result throws it for a coefficient that is
 * negative or not finite.
 */
export function coefficientsOf(
  options: StepSizeOptions | DriftNoiseOptions,
): (step: number) => { drift: number; noise: number } {
  const given = Object.keys(options).join(', ') || 'nothing';
  if (!('stepSize' in options) && !('drift' in options && 'noise' in options)) {
    throw new InvalidArgumentError('options', `must hold stepSize, or drift and noise; got ${given}`);
  }
  if ('stepSize' in options) {
    const { drift, noise } = options as StepSizeOptions & Partial<DriftNoiseOptions>;
    if (drift !== undefined || noise !== undefined) {
      throw new InvalidArgumentError(
        'options',
        `stepSize stands for drift and noise: give it alone, or these two; got ${given}`,
      );
    }
    return (step) => {
      const size = nonNegativeAt(options.stepSize, step, 'stepSize');
      return { drift: size ** 2 / 2, noise: size };
    };
  }
  return (step) => ({
    drift: nonNegativeAt(options.drift, step, 'drift'),
    noise: nonNegativeAt(options.noise, step, 'noise'),
  });
}
