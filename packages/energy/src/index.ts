export { convEnergy, type ConvEnergy, type ConvEnergyOptions } from './conv-energy.ts';
export { convNetwork, multiplyAccumulates, paperChannels } from './conv-network.ts';
export { energyOf } from './energy-of.ts';
export { mlpEnergy, type MlpEnergy, type MlpEnergyOptions } from './mlp-energy.ts';
export {
  convNetworkOf,
  loadStateDict,
  type StateDict,
  type StateDictTensor,
  toStateDict,
} from './state-dict.ts';
export { fromFunction } from '@srmcmc/core';
