/** Perceptual path length (Karras, Laine and Aila 2019, "A style-based generator architecture", section 4.1). */
import * as tf from '@tensorflow/tfjs-core';
import {
  type GeneratorModel,
  InvalidArgumentError,
  type Key,
  fromChain,
  requireInteger,
  split,
  uniforms,
  turn,
} from '@srmcmc/core';
import { type Curve, mix } from './mix.ts';
import { elementsAsFeatures, type Features } from './smoothness.ts';

export interface PathLengthOptions {
  /** Pairs of latents; 1,000 unless given. */
  readonly pairs?: number;
  /** The step along the curve, in t. Below 1e-3 single precision, and well above it bfloat16, shows in the result. */
  readonly epsilon?: number;
  readonly curve?: Curve;
  /** The elements of x unless given. */
  readonly features?: Features;
  /** Pairs that are generated together. */
  readonly batch?: number;
  readonly signal?: AbortSignal;
  /** Called with the number of pairs done. */
  readonly onProgress?: (pairs: number) => void;
}

export interface PathLength {
  /** Mean of ‖φ(M(z_t)) − φ(M(z_{t+ε}))‖² / ε² over pairs and t, φ the features. */
  readonly mean: number;
  /** The standard error of that mean. */
  readonly standardError: number;
  readonly pairs: number;
  readonly epsilon: number;
  readonly curve: Curve;
}

/**
 * How fast what a model generates changes, on average, as its latent moves from one draw of the prior to another.
 * The step noise is off. Pair i depends on the key and i alone, not on `batch`.
 *
 * @throws InvalidArgumentError for bad numbers; the signal's reason when it is aborted.
 */
export async function perceptualPathLength(
  model: GeneratorModel,
  key: Key,
  options: PathLengthOptions = {},
): Promise<PathLength> {
  const { pairs = 1000, epsilon = 0.01, curve = 'spherical', batch = 64, signal, onProgress } = options;
  const features = options.features ?? elementsAsFeatures;
  requireInteger('pairs', pairs, 2);
  requireInteger('batch', batch, 1);
  if (!(epsilon > 0 && epsilon < 1)) {
    throw new InvalidArgumentError('epsilon', `must be in (0, 1), got ${epsilon}`);
  }
  const [fromKey, toKey, timeKey] = split(key, 3) as [Key, Key, Key];
  let [sum, squares] = [0, 0];
  for (let first = 0; first < pairs; first += batch) {
    signal?.throwIfAborted();
    const n = Math.min(batch, pairs - first);
    const times = Array.from(uniforms(fromChain(timeKey, first), n, 1), (u) => u * (1 - epsilon));
    const squaredDistances = tf.tidy(() => {
      const from = model.prior(fromChain(fromKey, first), n);
      const to = model.prior(fromChain(toKey, first), n);
      const featuresAt = (shift: number): tf.Tensor => {
        const z = mix(
          from,
          to,
          times.map((time) => time + shift),
          curve,
        );
        return features(model.generate(z));
      };
      return tf.sum(tf.square(tf.sub(featuresAt(epsilon), featuresAt(0))), 1);
    });
    for (const squared of await squaredDistances.data()) {
      const speed = squared / epsilon ** 2;
      sum += speed;
      squares += speed ** 2;
    }
    squaredDistances.dispose();
    onProgress?.(first + n);
    await turn();
  }
  const mean = sum / pairs;
  const variance = Math.max(0, (squares - pairs * mean ** 2) / (pairs - 1));
  return { mean, standardError: Math.sqrt(variance / pairs), pairs, epsilon, curve };
}
