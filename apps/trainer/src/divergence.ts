/** Noticing that learning has left the range of sensible numbers, and saying so in words. */
import { DivergedError } from '@srmcmc/core';
import type { Config } from './config.ts';
import type { Rollback } from './learning-run.ts';
import type { CheckedMeasurement } from './measure.ts';
import { samplerOf } from './model.ts';

const WATCHED: readonly (readonly [field: keyof CheckedMeasurement, meaning: string])[] = [
  ['dataValue', 'f(x+)'],
  ['sampleValue', 'f(x−)'],
  ['gradientNorm', "|f'(x)|"],
  ['sampleMagnitude', 'mean |x| of the samples'],
  ['weightSum', 'the sum of the weights and moments'],
];

/**
 * Why this iteration counts as diverged; undefined for a good one. `size` is the number of elements of an example.
 *
 * A chain's path length, K · drift · mean |f'| (L² times that for HMC's L leapfrog steps), is compared with the size of its start, range · √size. In healthy learning
 * the two are alike whatever K is (Nijkamp et al. 2019, Table 2: 0.7 to 0.9); it grows well before samples saturate.
 */
export function divergence(
  measurement: CheckedMeasurement,
  config: Config,
  size: number,
): string | undefined {
  for (const [field, meaning] of WATCHED) {
    const value = measurement[field];
    if (!Number.isFinite(value)) return `${meaning} is ${value}`;
  }
  const { sampleMagnitude, gradientNorm } = measurement;
  const { saturation, travel } = config;
  if (sampleMagnitude > saturation) {
    return `the samples saturate: their mean |x| is ${sampleMagnitude.toPrecision(3)}, the limit ${saturation}`;
  }
  const { drift, steps, leapfrogSteps = 1 } = samplerOf(config);
  const travelled =
    (steps * drift * leapfrogSteps ** 2 * gradientNorm) / (config.initialRange * Math.sqrt(size));
  return travelled > travel
    ? `the chains run away: they travel ${travelled.toPrecision(3)} times the size of their start, the limit is ${travel}`
    : undefined;
}

/** The error once all rollbacks are used up. */
export function divergedError(
  reason: string,
  iteration: number,
  rollbacks: readonly Rollback[],
): DivergedError {
  const tried =
    rollbacks.length === 0
      ? ''
      : ` after ${rollbacks.length} rollback${rollbacks.length === 1 ? '' : 's'}, the last with ` +
        `${rollbacks.at(-1)!.learningRateScale} of the learning rate`;
  return new DivergedError(
    `iteration ${iteration}: ${reason}${tried}. Try a smaller --learning-rate, a larger --sigma, or fewer --steps`,
  );
}
