export {
  type DriftNoiseOptions,
  langevin,
  type LangevinClamps,
  type LangevinOptions,
  type StepSizeOptions,
} from './langevin.ts';
// What ten lines with a density of one's own need besides the kernel.
export { gaussian, key, shortRun, uniform } from '@srmcmc/core';
