/** FRAME's texture synthesis (Zhu, Wu and Mumford 1998): one image's features, and one persistent chain that takes them on. */
import * as tf from '@tensorflow/tfjs-core';
import { type AsyncOptions, dispose, foldIn, gaussian, type Key } from '@srmcmc/core';
import {
  type Features,
  type Filter,
  filterFeatures,
  filterProducts,
  gabor,
  haar,
  histogram,
  intensity,
  joinFeatures,
  laplacianOfGaussian,
  linearEnergy,
} from '@srmcmc/energy';
import {
  estimatingEquation,
  initialState,
  type Learner,
  type LearningState,
  learningStep,
  persistent,
} from '@srmcmc/estimators';
import { langevin } from '@srmcmc/langevin';
import { proportionalIntegral } from './proportional-integral.ts';

/** What a texture is known by: its filters' histograms, as in FRAME, or how their responses come together as well. */
export type Statistics = 'histograms' | 'products';

export interface Synthesis {
  /** [1, height, width, 1]: the texture, of mean 0 and standard deviation 1. Borrowed. */
  readonly observed: tf.Tensor4D;
  /** Pixels a side of what is made. It wraps round. */
  readonly size: number;
  readonly statistics: Statistics;
  readonly iterations: number;
  readonly key: Key;
}

export interface Synthesised {
  /** [1, size, size, 1]. */
  readonly x: tf.Tensor4D;
  /** How many features there are. */
  readonly features: number;
  /** Mean |h(x) − h(texture)|, of x and of the noise that it was made of. */
  readonly difference: number;
  readonly atFirst: number;
  readonly iterations: number;
}

/** From two pixels, so that no grain is free, to the size of what the texture is made of. */
const FILTERS: readonly Filter[] = [
  ...intensity(),
  ...haar({ sizes: [2] }),
  ...laplacianOfGaussian({ deviations: [1, 2, 4] }),
  ...gabor({ wavelengths: [3, 6, 12], orientations: 4 }),
];

/**
 * Δ of a Langevin step at first, half of it at last, and the gains of `proportionalIntegral`: large, and below where the
 * chain begins to swing.
 */
const SETTINGS = {
  histograms: { stepSize: 0.08, proportional: 40, integral: 0.4 },
  products: { stepSize: 0.04, proportional: 4, integral: 0.04 },
} as const;
/** No pixel moves by more than Δ²/2 of this in one step, while θ is still far off. */
const STEEPEST = 100;

/**
 * Learns θ of f(x) = N ⟨θ, h(x)⟩ by one Langevin step of one chain and one update of θ in turns, until h(x) is that of the
 * texture. The noise of the steps fades out over the second half, so that the last x has no grain that the texture has not.
 * After the signal's abort it resolves with what there is.
 */
export async function synthesise(
  { observed, size, statistics, iterations, key }: Synthesis,
  { signal, onProgress }: AsyncOptions = {},
): Promise<Synthesised> {
  const [, height, width] = observed.shape;
  const target = tf.tidy(() => featuresOf(statistics, [height, width, 1], 'valid', observed).apply(observed));
  const features = featuresOf(statistics, [size, size, 1], 'periodic', observed);
  const energy = linearEnergy({ features });
  const estimator = estimatingEquation({
    equation: 'samples',
    h: (x) => ({ theta: tf.sub(features.apply(x), target) }),
  });
  const { stepSize, ...gains } = SETTINGS[statistics];
  const optimizer = proportionalIntegral(gains);
  const learnerAt = (iteration: number): Learner => {
    const passed = iteration / iterations;
    const delta = stepSize * (1 - passed / 2);
    const kernel = langevin({
      drift: delta ** 2 / 2,
      noise: delta * Math.min(1, 2 * (1 - passed)),
      clampGradient: STEEPEST,
    });
    const initial = gaussian([size, size, 1]);
    const chains = persistent({ kernel, steps: 1, initial, bufferSize: 1, renewal: 0 });
    return { energy, chains, estimator, optimizer };
  };
  const differenceOf = async (image: tf.Tensor): Promise<number> => {
    const mean = tf.tidy(() => tf.mean(tf.abs(tf.sub(features.apply(image), target))));
    const [value] = await mean.data();
    mean.dispose();
    return value!;
  };
  const data = tf.slice(observed, [0, 0, 0, 0], [1, size, size, 1]);
  let state: LearningState = initialState(learnerAt(0), key);
  let x: tf.Tensor = state.chains['buffer']!.clone();
  const atFirst = await differenceOf(x);
  while (state.iteration < iterations && signal?.aborted !== true) {
    const {
      samples,
      state: next,
      ...made
    } = await learningStep(learnerAt(state.iteration), state, data, foldIn(key, state.iteration));
    dispose([x, state, made]);
    [x, state] = [samples, next];
    onProgress?.(state.iteration / iterations);
  }
  const difference = await differenceOf(x);
  dispose([data, state, target]);
  energy.dispose();
  features.dispose();
  const { iteration } = state;
  return { x: x as tf.Tensor4D, features: features.names.length, difference, atFirst, iterations: iteration };
}

function featuresOf(
  statistics: Statistics,
  imageShape: [number, number, number],
  boundary: 'valid' | 'periodic',
  examples: tf.Tensor4D,
): Features {
  const options = { imageShape, filters: FILTERS, boundary, examples };
  const histograms = filterFeatures({ ...options, marginal: histogram() });
  return statistics === 'histograms' ? histograms : joinFeatures(histograms, filterProducts(options));
}
