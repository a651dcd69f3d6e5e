/** Points from densities that are known exactly, the ground truth of the toy experiments (Nijkamp et al. 2019, 7.7). */
import { type Dataset, type Key, requireInteger } from '@srmcmc/core';
import { arrayDataset } from '../array.ts';

export interface Toy {
  readonly name: string;
  /** `[dimension]`, 1 or 2. */
  readonly shape: readonly [number];
  /** `count` points, flat `[count, dimension]`. Point i is a pure function of (key, i), whatever `count` is. */
  sample(key: Key, count: number): Float32Array;
  /** Natural log of the normalised density at points `[n, dimension]`, flat; -Infinity outside the support. */
  logDensity(points: ArrayLike<number>): Float64Array;
}

export interface ToyDatasetOptions {
  readonly key: Key;
  readonly size: number;
}

/** `size` points of a toy as a data set. Throws InvalidArgumentError for a size below 1. */
export function toyDataset(toy: Toy, options: ToyDatasetOptions): Dataset {
  const { key, size } = options;
  requireInteger('size', size, 1);
  return arrayDataset({ name: toy.name, shape: toy.shape, values: toy.sample(key, size) });
}
