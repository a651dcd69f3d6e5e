/** A model that turns latents into samples: a short-run chain, a VAE's decoder, a GAN's generator. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Key } from './key.ts';

/** The paper's generator view, x = M(z, ξ) (Nijkamp et al. 2019, eq. 7). */
export interface GeneratorModel {
  readonly latentShape: readonly number[];
  readonly eventShape: readonly number[];
  /** z, [n, ...latent]; latent i depends on the key and i alone. */
  prior(key: Key, n: number): tf.Tensor;
  /** x = M(z, ξ), [n, ...event], with ξ drawn from the key; without a key the noise is off: x = M(z). */
  generate(z: tf.Tensor, key?: Key): tf.Tensor;
}
