export { convEnergy, type ConvEnergy, type ConvEnergyOptions } from './conv-energy.ts';
export { convNetwork, multiplyAccumulates, paperChannels } from './conv-network.ts';
export { energyOf } from './energy-of.ts';
export { type Features, functionFeatures, type FunctionFeaturesOptions, joinFeatures } from './features.ts';
export type { FilterBankOptions } from './filter-bank.ts';
export { filterFeatures, type FilterFeaturesOptions } from './filter-features.ts';
export { filterProducts } from './filter-products.ts';
export {
  type Filter,
  gabor,
  type GaborOptions,
  gaussianDerivatives,
  type GaussianDerivativeOptions,
  haar,
  type HaarOptions,
  intensity,
  laplacianOfGaussian,
  type LaplacianOptions,
} from './filters.ts';
export { linearEnergy, type LinearEnergy, type LinearEnergyOptions } from './linear-energy.ts';
export { histogram, type HistogramOptions, magnitude, type Marginal } from './marginals.ts';
export { mlpEnergy, type MlpEnergy, type MlpEnergyOptions } from './mlp-energy.ts';
export { networkFeatures, type NetworkFeaturesOptions } from './network-features.ts';
export {
  convNetworkOf,
  loadStateDict,
  type StateDict,
  type StateDictTensor,
  toStateDict,
} from './state-dict.ts';
export { parameterCount } from './weights.ts';
export { fromFunction } from '@srmcmc/core';
