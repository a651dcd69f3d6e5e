/** HMC in Langevin's place, by Langevin's own coefficients. */
import { InvalidArgumentError } from '@srmcmc/core';
import type { HmcOptions } from './hmc.ts';

/** x ← x + drift · f'(x) + noise · U. */
export interface LangevinCoefficients {
  readonly drift: number;
  readonly noise: number;
}

/**
 * The step size √(2 · drift) and the temperature noise² / (2 · drift) with which one leapfrog step without the
 * Metropolis test is that step of Langevin's, draw for draw.
 *
 * @throws InvalidArgumentError for a coefficient that is not positive.
 */
export function fromLangevin({ drift, noise }: LangevinCoefficients): Pick<HmcOptions, 'temperature'> & {
  readonly stepSize: number;
} {
  for (const [field, value] of Object.entries({ drift, noise })) {
    if (!(value > 0)) throw new InvalidArgumentError(field, 'must be positive for hmc');
  }
  return { stepSize: Math.sqrt(2 * drift), temperature: noise ** 2 / (2 * drift) };
}
