/** What moves a Langevin chain: the sum of its gradient parts and the sum of its noise parts. */
import * as tf from '@tensorflow/tfjs-core';
import { dispose, type Energy, type Key, tidy } from '@srmcmc/core';
import { langevin } from '@srmcmc/langevin';
import type { Coefficients } from './toy-learning.ts';

/** Means over chains, of squared lengths. x_K − x_0 = G + N, so that moved = gradient + noise + 2⟨G, N⟩. */
export interface Forces {
  /** Of drift · f′(x_k) and of noise · U_k, by step. */
  readonly gradientParts: readonly number[];
  readonly noiseParts: readonly number[];
  /** ‖G‖², G = Σ drift · f′(x_k). */
  readonly gradient: number;
  /** ‖N‖², N = Σ noise · U_k. */
  readonly noise: number;
  /** ‖x_K − x_0‖². */
  readonly moved: number;
}

/** Of K steps from `start` [n, dimension], which is borrowed. */
export async function forces(
  energy: Energy,
  coefficients: Coefficients,
  steps: number,
  start: tf.Tensor,
  key: Key,
): Promise<Forces> {
  const kernel = langevin(coefficients);
  const gradientParts: number[] = [];
  const noiseParts: number[] = [];
  let state = kernel.init(energy, start);
  let gradientSum: tf.Tensor = tf.zerosLike(start);
  let noiseSum: tf.Tensor = tf.zerosLike(start);
  for (let k = 0; k < steps; k++) {
    const { state: next, info } = kernel.step(energy, state, key);
    const made = tidy(() => {
      const gradient = tf.mul(energy.valueAndGrad(state.x).grad, coefficients.drift);
      const noise = tf.sub(tf.sub(next.x, state.x), gradient);
      return {
        gradientSum: tf.add(gradientSum, gradient),
        noiseSum: tf.add(noiseSum, noise),
        gradientPart: squaredLength(gradient),
        noisePart: squaredLength(noise),
      };
    });
    gradientParts.push((await made.gradientPart.data())[0]!);
    noiseParts.push((await made.noisePart.data())[0]!);
    dispose([state, info, gradientSum, noiseSum, made.gradientPart, made.noisePart]);
    [state, gradientSum, noiseSum] = [next, made.gradientSum, made.noiseSum];
  }
  const totals = tidy(() => [gradientSum, noiseSum, tf.sub(state.x, start)].map(squaredLength));
  const [gradient, noise, moved] = await Promise.all(totals.map(async (total) => (await total.data())[0]!));
  dispose([state, gradientSum, noiseSum, totals]);
  return { gradientParts, noiseParts, gradient: gradient!, noise: noise!, moved: moved! };
}

/** The mean over rows. */
function squaredLength(rows: tf.Tensor): tf.Scalar {
  return tf.mean(tf.sum(tf.square(rows), 1));
}
