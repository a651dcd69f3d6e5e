/** Rows, squares and walks of latents, ready for `generate`. */
import * as tf from '@tensorflow/tfjs-core';
import { InvalidShapeError, requireInteger } from '@srmcmc/core';
import { type Curve, mix, requireEnds } from './mix.ts';

export interface PathOptions {
  /** Latents of a path, both ends among them; at least 2, and 8 unless given. */
  readonly points?: number;
  /** The paper's, which keeps the variance, unless given. */
  readonly curve?: Curve;
}

/**
 * Paths from `from` [n, ...latent] to `to` (Nijkamp et al. 2019, Fig. 3). At `generate(path)` without a key the step
 * noise is off, and a short-run generator's images change with the latent alone.
 *
 * @returns [n · points, ...latent]; path i is the rows from i · points on.
 * @throws InvalidShapeError for ends of another shape than the starts; what `mix` throws.
 */
export function path(from: tf.Tensor, to: tf.Tensor, options: PathOptions = {}): tf.Tensor {
  const { points = 8, curve = 'variance-preserving' } = options;
  requireInteger('points', points, 2);
  requireEnds(from, to);
  return rows(from, to, evenly(points), curve);
}

export interface GridOptions {
  /** Each at least 2, and 8 unless given. */
  readonly rows?: number;
  readonly columns?: number;
  readonly curve?: Curve;
}

/**
 * A square of latents between four, `corners` [4, ...latent]: top left, top right, bottom left, bottom right. The
 * upper and the lower edge are paths, and so is every column from one to the other.
 *
 * @returns [rows · columns, ...latent], row by row.
 */
export function grid(corners: tf.Tensor, options: GridOptions = {}): tf.Tensor {
  const { rows: height = 8, columns = 8, curve = 'variance-preserving' } = options;
  if (corners.shape[0] !== 4) throw new InvalidShapeError('corners', [4, '...latent'], corners.shape);
  requireInteger('rows', height, 2);
  requireInteger('columns', columns, 2);
  const latent = corners.shape.slice(1);
  return tf.tidy(() => {
    const [left, right] = [0, 1].map((side) => tf.gather(corners, [side, side + 2])) as [
      tf.Tensor,
      tf.Tensor,
    ];
    const [upper, lower] = tf.split(rows(left, right, evenly(columns), curve), 2) as [tf.Tensor, tf.Tensor];
    const byColumn = tf.reshape(rows(upper, lower, evenly(height), curve), [columns, height, ...latent]);
    const byRow = tf.transpose(byColumn, [1, 0, ...latent.map((_, axis) => axis + 2)]);
    return tf.reshape(byRow, [height * columns, ...latent]);
  });
}

export interface WalkOptions extends PathOptions {
  /** Whether it goes back from the last latent to the first; it does unless told otherwise. */
  readonly closed?: boolean;
}

/**
 * A walk through `stops` [n, ...latent] in order, `points` latents from each stop to just before the next.
 *
 * @returns [n · points, ...latent] when closed, else [(n − 1) · points + 1, ...latent].
 */
export function walk(stops: tf.Tensor, options: WalkOptions = {}): tf.Tensor {
  const { points = 8, curve = 'variance-preserving', closed = true } = options;
  const n = stops.shape[0] ?? 0;
  if (n < 2) throw new InvalidShapeError('stops', ['at least 2', '...latent'], stops.shape);
  requireInteger('points', points, 1);
  const times = Array.from({ length: points }, (_, i) => i / points);
  return tf.tidy(() => {
    const legs = closed ? n : n - 1;
    const order = Array.from({ length: legs }, (_, i) => i);
    const from = tf.gather(stops, order);
    const to = tf.gather(
      stops,
      order.map((i) => (i + 1) % n),
    );
    const walked = rows(from, to, times, curve);
    return closed ? walked : tf.concat([walked, tf.slice(stops, n - 1)]);
  });
}

/** Every curve at every time: [n · times, ...latent]. */
function rows(from: tf.Tensor, to: tf.Tensor, times: readonly number[], curve: Curve): tf.Tensor {
  return tf.tidy(() => {
    const n = from.shape[0]!;
    const repeated = Array.from({ length: n * times.length }, (_, i) => Math.floor(i / times.length));
    const each = repeated.map((_, i) => times[i % times.length]!);
    return mix(tf.gather(from, repeated), tf.gather(to, repeated), each, curve);
  });
}

function evenly(points: number): number[] {
  return Array.from({ length: points }, (_, i) => i / (points - 1));
}
