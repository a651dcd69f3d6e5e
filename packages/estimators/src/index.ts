export { adam, type AdamOptions } from './adam.ts';
export {
  type ChainMemory,
  type ChainPolicy,
  dataInitialised,
  noiseInitialised,
  type NoiseInitialisedOptions,
  persistent,
  type PersistentOptions,
} from './chains.ts';
export { estimatingEquation, type EstimatingEquationOptions } from './estimating-equation.ts';
export {
  initialState,
  type Learner,
  type LearningState,
  type LearningStep,
  learningStep,
} from './learning.ts';
export { type Estimate, type Estimator, momentMatching } from './moment-matching.ts';
export type { Optimizer, OptimizerState } from './optimizer.ts';
export {
  assignAverage,
  robbinsMonro,
  type RobbinsMonroOptions,
  type RobbinsMonroSteps,
  robbinsMonroSteps,
} from './robbins-monro.ts';
