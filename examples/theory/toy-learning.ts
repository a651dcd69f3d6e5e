/** Learning an energy of points in the plane by Algorithm 1, with what the ebm-anatomy work measures on the way. */
import * as tf from '@tensorflow/tfjs-core';
import { dispose, foldIn, type InitialDistribution, type Key, split, uniform } from '@srmcmc/core';
import type { Toy } from '@srmcmc/datasets';
import { mlpEnergy, type MlpEnergy } from '@srmcmc/energy';
import { adam, type ChainPolicy, initialState, learningStep, momentMatching } from '@srmcmc/estimators';
import { mean } from './statistics.ts';

/** p_0 of every toy here. */
export const SQUARE: InitialDistribution = uniform([2], { low: -3, high: 3 });

/** Of Langevin dynamics: x ← x + drift · f′(x) + noise · U, whose temperature is noise² / (2 · drift). */
export interface Coefficients {
  readonly drift: number;
  readonly noise: number;
}

export interface LearnedToy {
  readonly energy: MlpEnergy;
  /** d_st by iteration: the mean energy of the data minus that of the samples, over the temperature. */
  readonly energyDifference: readonly number[];
  /** r_t by iteration: the mean of drift · ‖f′(x)‖ over chains and steps, in the units of x. */
  readonly gradientStrength: readonly number[];
}

export interface ToyLearning {
  readonly toy: Toy;
  readonly chains: ChainPolicy;
  readonly coefficients: Coefficients;
  readonly iterations: number;
  readonly batch?: number;
  readonly key: Key;
  /** Is given the energy after every iteration, before the next. */
  readonly afterEach?: (energy: MlpEnergy, iteration: number) => Promise<void>;
}

/** Nijkamp et al. 2019 ("On the anatomy of MCMC-based maximum likelihood learning"), Section 3, for d_st and r_t. */
export async function learnToy(options: ToyLearning): Promise<LearnedToy> {
  const { toy, chains, coefficients, iterations, batch = 128, key, afterEach } = options;
  const [netKey, stateKey, dataKey, stepKey] = split(key, 4) as [Key, Key, Key, Key];
  const energy = mlpEnergy({ dimension: 2, hidden: [64, 64], key: netKey });
  const learner = {
    energy,
    chains,
    estimator: momentMatching,
    optimizer: adam({ learningRate: 0.003, beta1: 0.5 }),
  };
  const energyDifference: number[] = [];
  const gradientStrength: number[] = [];
  let state = initialState(learner, stateKey);
  for (let i = 0; i < iterations; i++) {
    const data = tf.tensor2d(toy.sample(foldIn(dataKey, i), batch), [batch, 2]);
    const { state: next, ...made } = await learningStep(learner, state, data, foldIn(stepKey, i));
    const [ofData, ofSamples, norms] = await Promise.all([
      made.dataValue.data(),
      made.sampleValue.data(),
      made.trace.gradientNorm.data(),
    ]);
    const { drift, noise } = coefficients;
    energyDifference.push(((ofSamples[0]! - ofData[0]!) * 2 * drift) / noise ** 2);
    gradientStrength.push(drift * mean(Array.from(norms)));
    dispose([data, state, made]);
    state = next;
    await afterEach?.(energy, i + 1);
  }
  dispose(state);
  return { energy, energyDifference, gradientStrength };
}

/** f at points, flat [n, 2], over a temperature. */
export async function valuesAt(
  energy: MlpEnergy,
  points: Float64Array,
  temperature: number,
): Promise<Float64Array> {
  const x = tf.tensor2d(Float32Array.from(points), [points.length / 2, 2]);
  const { value, grad } = energy.valueAndGrad(x);
  const values = Float64Array.from(await value.data(), (f) => f / temperature);
  dispose([x, value, grad]);
  return values;
}
