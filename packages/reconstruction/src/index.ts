export { adam, type AdamOptions } from './adam.ts';
export type { DescentMethod, DescentState, Evaluation, Objective } from './descent.ts';
export { gradientDescent, type GradientDescentOptions } from './gradient-descent.ts';
export { lbfgs, type LbfgsOptions } from './lbfgs.ts';
export { absoluteError, type Likelihood, type Loss, masked, squaredError } from './likelihood.ts';
export {
  reconstruct,
  type Reconstruction,
  type ReconstructionOptions,
  type ReconstructionProgress,
} from './reconstruct.ts';
