export { fromLangevin, type LangevinCoefficients } from './from-langevin.ts';
export {
  DIVERGENCE_THRESHOLD,
  hmc,
  type HmcInfo,
  type HmcKernel,
  type HmcOptions,
  type HmcState,
} from './hmc.ts';
export type { InverseMass } from './mass.ts';
export { warmUp, type WarmUp, type WarmUpOptions } from './warm-up.ts';
