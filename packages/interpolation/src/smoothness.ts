/** How evenly what is generated changes along paths. */
import * as tf from '@tensorflow/tfjs-core';
import { InvalidShapeError, requireInteger } from '@srmcmc/core';

/** From x [n, ...event] to features [n, d], in which distances are measured; its input is borrowed. */
export type Features = (x: tf.Tensor) => tf.Tensor;

/** The elements of x themselves. */
export const elementsAsFeatures: Features = (x) => tf.reshape(x, [x.shape[0]!, -1]);

export interface Smoothness {
  /** Euclidean distances of neighbours, [path][step]. */
  readonly distances: readonly (readonly number[])[];
  /** Mean over paths of the sum of its steps. */
  readonly length: number;
  /**
   * Mean over paths of the largest step in units of the mean step: 1 where change is even, points − 1 where all of
   * it is one jump.
   */
  readonly unevenness: number;
}

/**
 * Step distances of x [n · points, ...event], as `path` orders it. Distances are in the units of the features: of
 * x's elements unless others are given.
 *
 * @throws InvalidShapeError when x is not made of whole paths.
 */
export async function smoothness(
  x: tf.Tensor,
  points: number,
  features: Features = elementsAsFeatures,
): Promise<Smoothness> {
  requireInteger('points', points, 2);
  const rows = x.shape[0] ?? 0;
  if (rows === 0 || rows % points !== 0) {
    throw new InvalidShapeError('x', [`a multiple of ${points}`, '...event'], x.shape);
  }
  const steps = tf.tidy(() => {
    const paths = tf.reshape(features(x), [rows / points, points, -1]);
    const ahead = tf.slice(paths, [0, 1, 0]);
    const behind = tf.slice(paths, [0, 0, 0], [-1, points - 1, -1]);
    return tf.norm(tf.sub(ahead, behind), 'euclidean', 2) as tf.Tensor2D;
  });
  const distances = (await steps.array()) as number[][];
  steps.dispose();
  const sums = distances.map((path) => path.reduce((a, b) => a + b, 0));
  const uneven = distances.map((path, i) => {
    const mean = sums[i]! / path.length;
    return mean === 0 ? 1 : Math.max(...path) / mean;
  });
  return { distances, length: meanOf(sums), unevenness: meanOf(uneven) };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
