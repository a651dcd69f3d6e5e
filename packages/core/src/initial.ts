/** Where chains start: p_0 (Nijkamp et al. 2019, eq. 5). */
import * as tf from '@tensorflow/tfjs-core';
import { elements, normal, uniform as uniformDraw, uniforms } from './draws.ts';
import { InvalidArgumentError, InvalidShapeError, requireInteger } from './errors.ts';
import type { Key } from './key.ts';

export interface InitialDistribution {
  readonly name: string;
  readonly eventShape: readonly number[];
  /** [n, ...event]; chain i depends on the key and i alone. */
  sample(key: Key, n: number): tf.Tensor;
}

/** Uniform on [low, high)^D; the paper's choice is [-1, 1]. */
export function uniform(
  eventShape: readonly number[],
  { low = -1, high = 1 }: { low?: number; high?: number } = {},
): InitialDistribution {
  requireEventShape(eventShape);
  if (!(low < high)) throw new InvalidArgumentError('low', `must be below high, got ${low} and ${high}`);
  return {
    name: 'uniform',
    eventShape,
    sample: (key, n) => uniformDraw(key, [chainCount(n), ...eventShape], low, high),
  };
}

/** Independent normals with this mean and standard deviation. */
export function gaussian(
  eventShape: readonly number[],
  { mean = 0, scale = 1 }: { mean?: number; scale?: number } = {},
): InitialDistribution {
  requireEventShape(eventShape);
  if (!(scale > 0)) throw new InvalidArgumentError('scale', `must be positive, got ${scale}`);
  return {
    name: 'gaussian',
    eventShape,
    sample: (key, n) =>
      tf.tidy(() => tf.add(tf.mul(normal(key, [chainCount(n), ...eventShape]), scale), mean)),
  };
}

/** Each chain starts at one of the given points [count, ...event], picked with replacement. Borrows `points`. */
export function fromPoints(points: tf.Tensor): InitialDistribution {
  const [count = 0, ...eventShape] = points.shape;
  if (count < 1 || eventShape.length === 0)
    throw new InvalidShapeError('points', ['count', '...event'], points.shape);
  return {
    name: 'points',
    eventShape,
    sample: (key, n) => {
      const rows = Int32Array.from(uniforms(key, chainCount(n), 1), (u) => Math.floor(u * count));
      return tf.tidy(() => tf.gather(points, tf.tensor1d(rows, 'int32')));
    },
  };
}

function chainCount(n: number): number {
  requireInteger('n', n, 1);
  return n;
}

function requireEventShape(eventShape: readonly number[]): void {
  if (eventShape.length === 0 || !eventShape.every((size) => Number.isSafeInteger(size) && size > 0)) {
    throw new InvalidArgumentError('eventShape', `must list positive sizes, got [${eventShape.join(', ')}]`);
  }
  requireInteger('eventShape', elements(eventShape), 1);
}
