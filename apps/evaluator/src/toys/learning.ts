/** An energy for a toy density, learned by short-run MCMC (Nijkamp et al. 2019, Algorithm 1 and 7.7). */
import { tensor2d, type Tensor2D } from '@tensorflow/tfjs-core';
import { CancelledError, dispose, foldIn, key as keyOf, type Key, split, uniform } from '@srmcmc/core';
import type { Toy } from '@srmcmc/datasets';
import { mlpEnergy } from '@srmcmc/energy';
import { adam, initialState, learningStep, momentMatching, noiseInitialised } from '@srmcmc/estimators';
import { langevin } from '@srmcmc/langevin';
import type { Context } from '../context.ts';
import type { Model } from '../model.ts';
import { progress } from '../progress.ts';
import { extentOf } from './densities.ts';

export interface ToyLearningOptions {
  readonly iterations: number;
  /** K. */
  readonly steps: number;
  /** Δ of eq. 4: a step is x + Δ²/2 f′(x) + Δ U, whose chains, were they long, would have the density exp(f) / Z. */
  readonly stepSize: number;
  /** Adam's, for the first half; then it falls to a hundredth. */
  readonly rate: number;
  readonly seed: number;
}

export type LearningSettings = Omit<ToyLearningOptions, 'seed'>;

/** For every toy; docs/toys.md has the reasons. */
export const LEARNING_DEFAULTS: LearningSettings = {
  iterations: 6000,
  steps: 100,
  stepSize: 0.05,
  rate: 0.004,
};

const BATCH = 128;
const HIDDEN = [64, 64, 64];
const LAST_RATE = 0.01;

/** What the settings that are no options are, for reports. */
export const LEARNER = { batch: BATCH, hidden: HIDDEN, activation: 'swish', optimizer: 'adam' } as const;

/**
 * Learns from fresh draws of the toy; chains start from the uniform distribution on the square that holds it. Tells progress on stderr.
 *
 * @throws the signal's reason when it is aborted.
 */
export async function learnToy(context: Context, toy: Toy, options: ToyLearningOptions): Promise<Model> {
  const { iterations, steps, stepSize, rate, seed } = options;
  const extent = extentOf(toy);
  const [dimension] = toy.shape;
  const [weightsKey, dataKey, noiseKey] = split(keyOf(seed), 3) as [Key, Key, Key];
  const energy = mlpEnergy({ dimension, hidden: HIDDEN, key: weightsKey });
  const sampler = {
    kernel: 'langevin',
    drift: stepSize ** 2 / 2,
    noise: stepSize,
    steps,
    initial: { name: 'uniform', low: -extent, high: extent },
  } as const;
  const chains = { kernel: langevin(sampler), steps, initial: uniform([dimension], sampler.initial) };
  const half = iterations / 2;
  const learner = {
    energy,
    chains: noiseInitialised(chains),
    estimator: momentMatching,
    optimizer: adam({ learningRate: (i) => rate * LAST_RATE ** Math.max(0, i / half - 1) }),
  };
  let state = initialState(learner, noiseKey);
  const line = progress(context.stderr, 'iterations', iterations);
  try {
    for (let i = 0; i < iterations; i++) {
      line.at(i);
      const data = points(toy.sample(foldIn(dataKey, i), BATCH), dimension);
      const { signal } = context;
      const made = await learningStep(learner, state, data, foldIn(noiseKey, i), { signal }).finally(() =>
        data.dispose(),
      );
      const { state: next, samples, trace, dataValue, sampleValue } = made;
      dispose([state, samples, trace, dataValue, sampleValue]);
      state = next;
    }
  } catch (error) {
    energy.dispose();
    throw error instanceof CancelledError ? error.cause : error;
  } finally {
    line.end();
    dispose(state);
  }
  const config = { data: toy.name };
  const { kernel, initial } = chains;
  return { path: toy.name, iteration: iterations, sampler, config, energy, kernel, initial, warnings: [] };
}

function points(values: Float32Array, dimension: number): Tensor2D {
  return tensor2d(values, [values.length / dimension, dimension]);
}
