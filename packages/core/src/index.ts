export { type AsyncOptions, runKernelAsync, throwIfCancelled, turn } from './async.ts';
export { requireBackend } from './backend.ts';
export {
  type ChainOptions,
  type ChainResult,
  MOST_STEPS,
  runChains,
  runChainsAsync,
  type Trace,
} from './chains.ts';
export { chainPullback } from './chain-pullback.ts';
export { type Batch, type BatchOptions, batches, type Dataset } from './dataset.ts';
export { normalQuantile } from './normal-quantile.ts';
export { elements, normal, normals, permutation, uniforms } from './draws.ts';
export {
  type Energy,
  fromFunction,
  hessianVectorProductByTape,
  type NegativeEnergyFunction,
  type ParameterGrads,
  parameterGradsByTape,
  requireEvents,
  type ValueAndGrad,
  valueAndGradByTape,
} from './energy.ts';
export * from './errors.ts';
export {
  type DifferentiableGenerator,
  type GeneratorModel,
  type Pullback,
  pullbackByTape,
} from './generator.ts';
export { fromPoints, gaussian, type InitialDistribution, uniform } from './initial.ts';
export type { FusedSampler, KernelInfo, KernelState, OptionalReport, TransitionKernel } from './kernel.ts';
export { foldIn, fromChain, type Key, key, split } from './key.ts';
export type {
  ActivationName,
  ActivationSpec,
  ConvLayerSpec,
  ConvNetworkSpec,
  MlpNetworkSpec,
  NetworkSpec,
} from './network.ts';
export { philox4x32 } from './philox.ts';
export {
  exponential,
  linear,
  nonNegativeAt,
  piecewise,
  positiveAt,
  type Schedule,
  valueAt,
} from './schedule.ts';
export { shortRun, type ShortRun, type ShortRunOptions } from './short-run.ts';
export { dispose, tidy } from './tidy.ts';
