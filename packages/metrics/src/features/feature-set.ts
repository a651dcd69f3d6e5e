/** Features of many examples as one matrix that remembers what computed it. */
import { createHash } from 'node:crypto';
import { elements, InvalidShapeError, requireInteger } from '@srmcmc/core';
import { IncomparableError, TooFewExamplesError } from '../errors.ts';
import { NonFiniteFeaturesError } from '../inception/errors.ts';

/** What computed features. Numbers made of features may be compared where all of this is equal. */
export interface FeatureSource {
  /** 'inception-v3-2015-12-05/2048', 'pixels 8×8×3'. */
  readonly name: string;
  /** SHA-256 of the extractor's weights; null where it has none. */
  readonly weights: string | null;
  /** How images were brought to the size that the extractor takes; null where they were not. */
  readonly resize: string | null;
  /** What a network's products are made of, 'float32' or 'mixed'; null where it is not said, or there is no network. */
  readonly precision: string | null;
}

/** Checked: finite, and at least one row. Made by `featureSet`. */
export interface FeatureSet {
  /** [count, dimension], row-major. */
  readonly values: Float32Array | Float64Array;
  readonly count: number;
  readonly dimension: number;
  readonly source: FeatureSource;
}

/** The source of features that the caller computed and does not describe; the rest of one that says less than all. */
export const UNNAMED: FeatureSource = { name: 'unnamed', weights: null, resize: null, precision: null };

/**
 * Features [count, dimension] as a set. The values are not copied.
 *
 * @throws InvalidShapeError when the values do not fill whole rows, TooFewExamplesError when there are none,
 * NonFiniteFeaturesError for a NaN or an infinity.
 */
export function featureSet(
  values: Float32Array | Float64Array,
  dimension: number,
  source: Partial<FeatureSource> = {},
): FeatureSet {
  requireInteger('dimension', dimension, 1);
  if (values.length % dimension !== 0)
    throw new InvalidShapeError('values', ['n', dimension], [values.length]);
  if (values.length === 0) throw new TooFewExamplesError('values', 1, 0, 'the set is empty');
  requireFinite(values, dimension);
  return { values, count: values.length / dimension, dimension, source: { ...UNNAMED, ...source } };
}

/** The rows with these numbers, which may repeat. */
export function rowsOf(set: FeatureSet, rows: ArrayLike<number>): FeatureSet {
  const { dimension } = set;
  const values = new (set.values.constructor as Float64ArrayConstructor)(rows.length * dimension);
  for (let i = 0; i < rows.length; i++) {
    values.set(set.values.subarray(rows[i]! * dimension, (rows[i]! + 1) * dimension), i * dimension);
  }
  return { ...set, values, count: rows.length };
}

/** @throws NonFiniteFeaturesError that names the first row, counted from `first`, and column. */
export function requireFinite(values: ArrayLike<number>, dimension: number, first = 0): void {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i]!)) {
      throw new NonFiniteFeaturesError(first + Math.floor(i / dimension), i % dimension);
    }
  }
}

/** @throws IncomparableError for features of different sizes or extractors: it lists all that differs. */
export function requireSameSource(
  a: { readonly dimension: number; readonly source: FeatureSource },
  b: { readonly dimension: number; readonly source: FeatureSource },
): void {
  const pairs = [
    ['number', a.dimension, b.dimension],
    ...(['name', 'weights', 'resize', 'precision'] as const).map((field) => [
      field,
      a.source[field],
      b.source[field],
    ]),
  ];
  const differences = pairs.flatMap(([field, x, y]) => (x === y ? [] : [`${field}: ${x}, ${y}`]));
  if (differences.length > 0) {
    throw new IncomparableError('the features of the samples and of the reference', differences);
  }
}

/** SHA-256 of the numbers, by which a reference is known again. */
export function digestOf(...arrays: readonly (Float32Array | Float64Array | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const array of arrays) hash.update(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  return hash.digest('hex');
}

/** Checks images [n, height, width, channels] and returns n. @throws InvalidShapeError. */
export function requireImagesOf(
  shape: readonly number[],
  images: { readonly shape: readonly number[]; readonly values: ArrayLike<number> },
): number {
  const [n = 0, ...each] = images.shape;
  const fits = images.shape.length === shape.length + 1 && each.join() === shape.join();
  if (!fits || images.values.length !== elements(images.shape)) {
    throw new InvalidShapeError('images', ['n', ...shape], fits ? [images.values.length] : images.shape);
  }
  return n;
}
