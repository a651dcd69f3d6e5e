/** Noticing that learning has left the range of sensible numbers, and saying so in words. */
import { DivergedError } from '@srmcmc/core';
import type { Config } from './config.ts';
import type { Rollback } from './learning-run.ts';
import type { CheckedMeasurement } from './measure.ts';

const WATCHED: readonly (readonly [field: keyof CheckedMeasurement, meaning: string])[] = [
  ['dataValue', 'f(x+)'],
  ['sampleValue', 'f(x−)'],
  ['gradientNorm', "|f'(x)|"],
  ['sampleMagnitude', 'mean |x| of the samples'],
  ['weightSum', 'the sum of the weights and moments'],
];

/** Why this iteration counts as diverged; undefined for a good one. */
export function divergence(measurement: CheckedMeasurement, { saturation }: Config): string | undefined {
  for (const [field, meaning] of WATCHED) {
    const value = measurement[field];
    if (!Number.isFinite(value)) return `${meaning} is ${value}`;
  }
  const { sampleMagnitude } = measurement;
  return sampleMagnitude > saturation
    ? `the samples saturate: their mean |x| is ${sampleMagnitude.toPrecision(3)}, the limit ${saturation}`
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
