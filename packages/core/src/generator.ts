/** A model that turns latents into samples: a short-run chain, a VAE's decoder, a GAN's generator. */
import * as tf from '@tensorflow/tfjs-core';
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

/** x = M(z) with the noise off, and the transposed Jacobian of M at z. */
export interface Pullback {
  /** [n, ...event]; the pullback's own. */
  readonly x: tf.Tensor;
  /** Jᵀ v, from [n, ...event] to [n, ...latent]; v is borrowed, the result is the caller's. */
  vjp(v: tf.Tensor): tf.Tensor;
  /** Releases x and whatever vjp needs. */
  dispose(): void;
}

/** A generator through which gradients flow back to the latent: what reconstruction and latent inference need. */
export interface DifferentiableGenerator extends GeneratorModel {
  /** z [n, ...latent] is borrowed until `dispose`. */
  pullback(z: tf.Tensor): Pullback;
}

/** The pullback of a function made of differentiable tfjs operators, such as a decoder, by automatic differentiation. */
export function pullbackByTape(generate: (z: tf.Tensor) => tf.Tensor, z: tf.Tensor): Pullback {
  const x = tf.tidy(() => generate(z));
  const kept = tf.keep(z.clone());
  return {
    x,
    vjp: (v) => tf.tidy(() => tf.grad(generate)(kept, v)),
    dispose: () => {
      x.dispose();
      kept.dispose();
    },
  };
}
