/** FRAME: energies that are linear in fixed features (Zhu, Wu and Mumford 1998; Nijkamp et al. 2019, section 4). */
import * as tf from '@tensorflow/tfjs-core';
import {
  type Energy,
  fromFunction,
  InvalidArgumentError,
  InvalidShapeError,
  requireBackend,
} from '@srmcmc/core';
import type { Features } from './features.ts';

export interface LinearEnergyOptions {
  /** h. Borrowed: it must stay as long as the energy is used. */
  readonly features: Features;
  /** θ, one number a feature; zeros unless given, where p is the reference. */
  readonly theta?: ArrayLike<number>;
  /** The standard deviation s of a Gaussian white-noise reference, which adds −|x|²/2s²; none unless given. */
  readonly reference?: number;
}

export interface LinearEnergy extends Energy {
  readonly features: Features;
  /** θ, [d], also in `variables`. */
  readonly theta: tf.Variable<tf.Rank.R1>;
  /** Frees θ; the features stay. */
  dispose(): void;
}

/**
 * f(x) = N <θ, h(x)> − |x|²/2s², N the features' `positions`: with features that are means over the positions of an
 * image, the sum over positions that FRAME has. ∂f/∂θ is N h(x), so that the fixed point of learning matches moments:
 * E_q[h] = E_data[h].
 *
 * @throws InvalidShapeError for θ of another length than h, InvalidArgumentError for a reference that is not positive.
 */
export function linearEnergy({ features, theta: initial, reference }: LinearEnergyOptions): LinearEnergy {
  requireBackend();
  const { eventShape, names, positions } = features;
  const dimension = names.length;
  if (initial !== undefined && initial.length !== dimension) {
    throw new InvalidShapeError('theta', [dimension], [initial.length]);
  }
  if (reference !== undefined && !(reference > 0)) {
    throw new InvalidArgumentError('reference', `must be positive, got ${reference}`);
  }
  const theta = tf.tidy(() =>
    tf.variable(initial === undefined ? tf.zeros([dimension]) : tf.tensor1d(Float32Array.from(initial))),
  ) as tf.Variable<tf.Rank.R1>;
  const precision = reference === undefined ? 0 : 1 / reference ** 2;

  const negativeEnergy = (x: tf.Tensor): tf.Tensor1D => {
    const linear = tf.sum(tf.mul(features.apply(x), tf.mul(theta, positions)), 1) as tf.Tensor1D;
    if (precision === 0) return linear;
    const squares = tf.sum(tf.reshape(tf.square(x), [x.shape[0]!, -1]), 1);
    return tf.sub(linear, tf.mul(squares, precision / 2)) as tf.Tensor1D;
  };
  return {
    ...fromFunction(negativeEnergy, eventShape, { theta }),
    features,
    theta,
    dispose: () => theta.dispose(),
  };
}
