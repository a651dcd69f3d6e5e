/** Whether means of features agree, all of them at once. */
import * as tf from '@tensorflow/tfjs-core';
import { normalQuantile as quantile } from '@srmcmc/core';
import type { Features } from '@srmcmc/energy';
import { type FeatureSet, featureSet, type MomentGap, momentGaps } from '@srmcmc/metrics';

/** Features of images that go through them together. */
const AT_ONCE = 500;

export async function featuresOf(features: Features, images: tf.Tensor): Promise<FeatureSet> {
  const { names } = features;
  const [n = 0] = images.shape;
  const values = new Float32Array(n * names.length);
  for (let first = 0; first < n; first += AT_ONCE) {
    const some = tf.slice(images, first, Math.min(AT_ONCE, n - first));
    const h = features.apply(some);
    values.set(await h.data(), first * names.length);
    some.dispose();
    h.dispose();
  }
  return featureSet(values, names.length);
}

export interface Agreement {
  /** Of every feature, in the order of the features. */
  readonly gaps: readonly MomentGap[];
  /** |gap| within this many standard errors holds for all features at once with a probability of 95 % or more. */
  readonly bar: number;
  /** How many features are beyond the bar, those without a standard error among them. */
  readonly beyond: number;
  /** How many are beyond 1.96 standard errors: one in twenty where all agree. */
  readonly beyondAlone: number;
  /** The root of the mean z²: about 1 where all agree. */
  readonly rootMeanSquare: number;
  readonly largest: number;
}

/** E[h] of samples and of data, with bootstrap errors of both; the bar is Bonferroni's for as many features. */
export function agreement(samples: FeatureSet, data: FeatureSet): Agreement {
  const gaps = momentGaps(samples, data).gaps.filter(({ moment }) => moment === 'mean');
  const bar = normalQuantile(0.05 / 2 / gaps.length);
  const sizes = gaps.flatMap(({ z }) => (z === null ? [] : [Math.abs(z)]));
  const none = gaps.length - sizes.length;
  return {
    gaps,
    bar,
    beyond: none + sizes.filter((z) => z > bar).length,
    beyondAlone: none + sizes.filter((z) => z > normalQuantile(0.025)).length,
    rootMeanSquare: Math.sqrt(sizes.reduce((sum, z) => sum + z * z, 0) / sizes.length),
    largest: Math.max(0, ...sizes),
  };
}

/** The z that a standard normal exceeds with this probability. */
export function normalQuantile(probability: number): number {
  return -quantile(probability);
}
