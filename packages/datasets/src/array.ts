/** Data sets held in memory, and the first examples of any data set. */
import {
  CorruptDataError,
  type Dataset,
  elements,
  InvalidArgumentError,
  InvalidShapeError,
  requireInteger,
} from '@srmcmc/core';

export interface ArrayDatasetOptions {
  readonly name: string;
  /** Shape of one example, `[height, width, channels]` or `[dimension]`; `[height, width]` is of one channel. */
  readonly shape: readonly number[];
  /** All examples, one after another. Not copied. */
  readonly values: Uint8Array | Float32Array;
  /** Class numbers, one an example. */
  readonly labels?: Uint8Array;
}

/**
 * A data set over an array in memory.
 *
 * @throws InvalidShapeError where the values are not a whole number of examples or there are none,
 * InvalidArgumentError where there is not one label an example, CorruptDataError where a value is not a finite number,
 * or an image of floats is not in [-1, 1]: beyond ±8, for samples of chains leave the range by a little.
 */
export function arrayDataset(options: ArrayDatasetOptions): Dataset {
  const { name, values, labels } = options;
  const shape = options.shape.length === GREY_AXES ? [...options.shape, 1] : options.shape;
  const stride = elements(shape);
  if (values.length === 0 || stride === 0 || values.length % stride !== 0) {
    const remedy = values.length === 0 ? 'it holds no examples' : undefined;
    throw new InvalidShapeError(`${name}: values`, ['examples', ...shape], [values.length], remedy);
  }
  const size = values.length / stride;
  if (labels !== undefined && labels.length !== size) {
    throw new InvalidArgumentError(`${name}: labels`, `${labels.length} labels for ${size} examples`);
  }
  if (values instanceof Float32Array) {
    requireFinite(name, values, stride);
    if (shape.length === IMAGE_AXES) requireImageRange(name, values);
  }
  return {
    name,
    shape: [...shape],
    size,
    dtype: values instanceof Float32Array ? 'float32' : 'uint8',
    ...(labels && { labels }),
    async gather(indices) {
      requireExamples(name, indices, size);
      const length = indices.length * stride;
      const out = values instanceof Float32Array ? new Float32Array(length) : new Uint8Array(length);
      for (let i = 0; i < indices.length; i++) {
        const start = indices[i]! * stride;
        out.set(values.subarray(start, start + stride), i * stride);
      }
      return out;
    },
  };
}

/**
 * The first `count` examples of a data set.
 *
 * @throws InvalidArgumentError where it has fewer.
 */
export function subset(dataset: Dataset, count: number): Dataset {
  requireSubset(dataset.name, count, dataset.size);
  return {
    name: dataset.name,
    shape: dataset.shape,
    size: count,
    dtype: dataset.dtype,
    ...(dataset.labels && { labels: dataset.labels.subarray(0, count) }),
    async gather(indices) {
      requireExamples(dataset.name, indices, count);
      return dataset.gather(indices);
    },
  };
}

/** Throws InvalidArgumentError unless `count` of `size` examples can be taken. */
export function requireSubset(name: string, count: number, size: number): void {
  requireInteger('subset', count, 1);
  if (count > size) throw new InvalidArgumentError('subset', `is ${count}, but ${name} has ${size} examples`);
}

/** Throws InvalidArgumentError unless every index is the number of an example. */
export function requireExamples(name: string, indices: ArrayLike<number>, size: number): void {
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i]!;
    if (!Number.isInteger(index) || index < 0 || index >= size) {
      throw new InvalidArgumentError('indices', `${name} has examples 0 to ${size - 1}, not ${index}`);
    }
  }
}

const IMAGE_AXES = 3;
/** Of an image whose only channel has no axis: the commonest form of MNIST. */
const GREY_AXES = 2;
/** Chains are not clamped and leave [-1, 1] by a little; beyond this, an array holds something else. */
const LARGEST_FLOAT = 8;

function requireImageRange(name: string, values: Float32Array): void {
  const bad = values.find((value) => Math.abs(value) > LARGEST_FLOAT);
  if (bad === undefined) return;
  throw new CorruptDataError(
    `${name}: holds ${bad}: floats are of [-1, 1], which samples leave by a little and not beyond ±${LARGEST_FLOAT}; ` +
      'or give bytes',
  );
}

function requireFinite(name: string, values: Float32Array, stride: number): void {
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad === -1) return;
  throw new CorruptDataError(
    `${name}: example ${Math.floor(bad / stride)} contains ${values[bad]}: remove it, or replace the value`,
  );
}
