export type { DriftNoiseOptions, StepSizeOptions } from './coefficients.ts';
export { langevin, type LangevinClamps, type LangevinOptions } from './langevin.ts';
export { mala, type MalaOptions, type MalaState } from './mala.ts';
export { underdamped, type UnderdampedOptions, type UnderdampedState } from './underdamped.ts';
// What ten lines with a density of one's own need besides the kernel.
export { gaussian, key, shortRun, uniform } from '@srmcmc/core';
