/** The energy, the sampler and the learner that a configuration describes. */
import { totalmem } from 'node:os';
import {
  type Energy,
  exponential,
  type InitialDistribution,
  InvalidArgumentError,
  InvalidShapeError,
  type Key,
  type NetworkSpec,
  type Schedule,
  shortRun,
  type ShortRun,
  split,
  key as keyOf,
  type TransitionKernel,
  uniform,
} from '@srmcmc/core';
import type { SamplerSpec } from '@srmcmc/checkpoint';
import { convEnergy, convNetwork, mlpEnergy, parameterCount } from '@srmcmc/energy';
import {
  adam,
  type ChainPolicy,
  dataInitialised,
  type Learner,
  momentMatching,
  noiseInitialised,
  persistent,
} from '@srmcmc/estimators';
import { fromLangevin, hmc } from '@srmcmc/hmc';
import { langevin } from '@srmcmc/langevin';
import type { Config } from './config.ts';

export type DisposableEnergy = Energy & Required<Pick<Energy, 'network'>> & { dispose(): void };

/** Keys for all that is drawn, each from the seed alone. */
export interface RunKeys {
  readonly root: Key;
  readonly weights: Key;
  readonly data: Key;
  readonly learning: Key;
  readonly chains: Key;
  readonly samples: Key;
}

export function runKeys(seed: number): RunKeys {
  const root = keyOf(seed);
  const [weights, data, learning, chains, samples] = split(root, 5) as [Key, Key, Key, Key, Key];
  return { root, weights, data, learning, chains, samples };
}

/**
 * A fresh energy for examples of this shape: a ConvNet for [side, side, channels], a perceptron for [dimension].
 *
 * @throws InvalidShapeError for data of another shape; InvalidArgumentError for channels that do not fit the side, and
 * for a net that does not fit into memory.
 */
export function energyFor(config: Config, shape: readonly number[], key: Key): DisposableEnergy {
  const activation = { name: config.activation };
  if (shape.length === 1) {
    const { hidden } = config;
    requireMemory('hidden', { kind: 'mlp', sizes: [shape[0]!, ...hidden, 1], activation });
    return mlpEnergy({ dimension: shape[0]!, hidden, activation, key });
  }
  const [side, width, colours] = shape;
  if (shape.length !== 3 || side !== width) {
    const remedy =
      'a folder of images is made square by imageSide (--image-side 32), an array before it is saved';
    throw new InvalidShapeError('data', ['side', 'side', 'channels'], shape, remedy);
  }
  const channels = channelsOf(config, side!);
  const imageShape = [side!, side!, colours!] as const;
  requireMemory('channels', convNetwork(imageShape, channels, activation));
  return convEnergy({ imageShape, channels, activation, key });
}

/** A parameter, its gradient and its two moments of Adam, float32 each. */
const BYTES_A_PARAMETER = 4 * 4;
/** Of the memory; the rest is for the chains, the data and everybody else. */
const SHARE_OF_MEMORY = 0.5;

/** Throws InvalidArgumentError for a net that this machine cannot learn, before memory is asked for. */
function requireMemory(field: 'channels' | 'hidden', network: NetworkSpec): void {
  const parameters = parameterCount(network);
  const bytes = parameters * BYTES_A_PARAMETER;
  // What a container allows may be less than what the machine has; 0 or a huge number where nothing is said.
  const memory = Math.min(totalmem(), process.constrainedMemory() || Infinity);
  if (bytes <= SHARE_OF_MEMORY * memory) return;
  throw new InvalidArgumentError(
    field,
    `this net has ${parameters} parameters, ${gigabytes(bytes)} with their gradients and the moments of Adam, and ` +
      `this machine has ${gigabytes(memory)}, of which half may be the net's: give smaller numbers`,
  );
}

function gigabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e8) / 10} GB`;
}

/** Of every layer but the last, for images of this side. */
export function channelsOf({ channels }: Config, side: number): readonly number[] {
  return channels.length === 1 ? widening(channels[0]!, side) : channels;
}

/** n, 2n, 4n, 8n, 8n, ...: one more for each halving that leaves at least 4 pixels (Nijkamp et al. 2019, 7.4). */
function widening(n: number, side: number): number[] {
  const channels = [n];
  for (let rest = side; rest % 2 === 0 && rest > 4; rest /= 2)
    channels.push(n * Math.min(2 ** channels.length, 8));
  return channels;
}

export function samplerOf(config: Config): SamplerSpec {
  const { stepSize, steps, initialRange } = config;
  const coefficients =
    stepSize === null
      ? { drift: config.drift, noise: config.noise }
      : { drift: stepSize ** 2 / 2, noise: stepSize };
  return {
    kernel: config.kernel,
    ...coefficients,
    ...(config.kernel === 'hmc' ? { leapfrogSteps: config.leapfrogSteps } : {}),
    steps,
    initial: { name: 'uniform', low: -initialRange, high: initialRange },
  };
}

/** The generator that a run learns: K steps of its kernel from p_0. */
export function generatorOf(config: Config, energy: Energy): ShortRun {
  return shortRun({ ...transitionOf(config), initial: initialOf(config, energy), energy });
}

/** Algorithm 1 as configured; `learningRateScale` is what rollbacks have left of the learning rate. */
export function learnerOf(config: Config, energy: Energy, learningRateScale: number): Learner {
  const { learningRate, beta1, beta2, sigma, learningRateDecay, sigmaDecay } = config;
  return {
    energy,
    chains: chainsOf(config, energy),
    estimator: momentMatching,
    optimizer: adam({
      learningRate: annealed(config, learningRate * learningRateScale, learningRateDecay),
      beta1,
      beta2,
    }),
    smoothing: annealed(config, sigma, sigmaDecay),
  };
}

/** `initial` until annealing begins, then down by `decay` in all, exponentially, over the iterations left. */
export function annealed(config: Config, initial: number, decay: number): Schedule {
  const begin = Math.floor(config.annealFrom * config.iterations);
  const length = config.iterations - begin;
  if (decay === 1 || length === 0) return initial;
  const falling = exponential(initial, decay, length) as (index: number) => number;
  return (index) => falling(Math.min(Math.max(index - begin, 0), length));
}

function chainsOf(config: Config, energy: Energy): ChainPolicy {
  const transition = transitionOf(config);
  const initial = initialOf(config, energy);
  switch (config.chains) {
    case 'noise':
      return noiseInitialised({ ...transition, initial });
    case 'data':
      return dataInitialised(transition);
    case 'persistent':
      if (config.batch > config.bufferSize) {
        throw new InvalidArgumentError(
          'bufferSize',
          `is ${config.bufferSize}, less than batch, ${config.batch}`,
        );
      }
      return persistent({
        ...transition,
        initial,
        bufferSize: config.bufferSize,
        renewal: config.renewal,
      });
  }
}

function transitionOf(config: Config): { kernel: TransitionKernel; steps: number } {
  const { drift, noise, leapfrogSteps, steps } = samplerOf(config);
  if (leapfrogSteps === undefined) return { kernel: langevin({ drift, noise }), steps };
  const options = { ...fromLangevin({ drift, noise }), leapfrogSteps, metropolis: false };
  return { kernel: hmc(options), steps };
}

function initialOf({ initialRange }: Config, energy: Energy): InitialDistribution {
  return uniform(energy.eventShape, { low: -initialRange, high: initialRange });
}
