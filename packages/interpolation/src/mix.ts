/** Latents between two latents. */
import * as tf from '@tensorflow/tfjs-core';
import { InvalidArgumentError, InvalidShapeError } from '@srmcmc/core';

const curves = ['variance-preserving', 'spherical', 'linear'] as const;

/**
 * The curve from z₁ (t = 0) to z₂ (t = 1):
 * - `variance-preserving`, the paper's: ρ z₁ + √(1 − ρ²) z₂ with ρ = 1 − t. Independent latents of one variance keep
 *   it all along (Nijkamp et al. 2019, 3.4 and Fig. 3).
 * - `spherical`: along the great circle at even speed, each latent's own angle (Shoemake 1985).
 * - `linear`: (1 − t) z₁ + t z₂, whose variance falls to a half in the middle; for comparison.
 */
export type Curve = (typeof curves)[number];

/** Below this sine of the angle a great circle is not determined, and the chord is taken. */
const LEAST_SINE = 1e-4;

/**
 * The latents at t of the curves from `from` [n, ...latent] to `to`, one number t a curve or one for all.
 *
 * @returns [n, ...latent].
 * @throws InvalidArgumentError for an unknown curve and for t outside [0, 1]; InvalidShapeError when the latents
 * differ in shape.
 */
export function mix(from: tf.Tensor, to: tf.Tensor, t: number | readonly number[], curve: Curve): tf.Tensor {
  if (!curves.includes(curve)) {
    throw new InvalidArgumentError('curve', `must be one of ${curves.join(', ')}, got '${String(curve)}'`);
  }
  requireEnds(from, to);
  const n = from.shape[0]!;
  const times = typeof t === 'number' ? new Array<number>(n).fill(t) : t;
  if (times.length !== n || !times.every((time) => time >= 0 && time <= 1)) {
    throw new InvalidArgumentError(
      't',
      `must be a number in [0, 1] for each of ${n} curves, got ${String(t)}`,
    );
  }
  return tf.tidy(() => {
    const column = (values: readonly number[]): tf.Tensor =>
      tf.tensor(Float32Array.from(values), [n, ...from.shape.slice(1).map(() => 1)]);
    const sum = (a: tf.Tensor, b: tf.Tensor): tf.Tensor => tf.add(tf.mul(a, from), tf.mul(b, to));
    switch (curve) {
      case 'linear':
        return sum(column(times.map((time) => 1 - time)), column(times));
      case 'variance-preserving':
        return sum(
          column(times.map((time) => 1 - time)),
          column(times.map((time) => Math.sqrt(time * (2 - time)))),
        );
      case 'spherical':
        return sum(...sphericalWeights(from, to, column(times)));
    }
  });
}

/** Throws InvalidShapeError unless `from` is [n, ...latent] and `to` has its shape. */
export function requireEnds(from: tf.Tensor, to: tf.Tensor): void {
  if (from.rank < 2) throw new InvalidShapeError('from', ['n', '...latent'], from.shape);
  if (from.shape.join() !== to.shape.join()) {
    throw new InvalidShapeError('to', from.shape, to.shape, 'give an end, of the same shape, for each start');
  }
}

/** sin((1 − t) Ω) / sin Ω and sin(t Ω) / sin Ω, with Ω the angle between the two latents. */
function sphericalWeights(from: tf.Tensor, to: tf.Tensor, t: tf.Tensor): [tf.Tensor, tf.Tensor] {
  const axes = from.shape.slice(1).map((_, axis) => axis + 1);
  const dot = (a: tf.Tensor, b: tf.Tensor): tf.Tensor => tf.sum(tf.mul(a, b), axes, true);
  const cosine = tf.div(dot(from, to), tf.sqrt(tf.mul(dot(from, from), dot(to, to))));
  const angle = tf.acos(tf.clipByValue(cosine, -1, 1));
  const sine = tf.sin(angle);
  const isCurved = tf.greater(sine, LEAST_SINE);
  const weight = (time: tf.Tensor): tf.Tensor =>
    tf.where(isCurved, tf.div(tf.sin(tf.mul(time, angle)), tf.maximum(sine, LEAST_SINE)), time);
  return [weight(tf.sub(1, t)), weight(t)];
}
