/** A filter bank on images: every filter's responses, scaled by examples, at the edges too. */
import * as tf from '@tensorflow/tfjs-core';
import { InvalidArgumentError, requireBackend, requireEvents, tidy } from '@srmcmc/core';
import type { Filter } from './filters.ts';

export interface FilterBankOptions {
  /** [height, width, channels]; every filter is applied to every channel. */
  readonly imageShape: readonly [number, number, number];
  readonly filters: readonly Filter[];
  /** Where a filter would reach beyond the image: `valid`, the default, has no position there, `periodic` wraps round. */
  readonly boundary?: 'valid' | 'periodic';
  /**
   * Images [n, height, width, channels] of any height and width: responses are scaled so that theirs have the mean 0 and
   * the standard deviation 1. Borrowed while the features are made. Not scaled unless given.
   */
  readonly examples?: tf.Tensor4D;
}

/** Filters of one size and stride: one convolution. */
export interface FilterGroup {
  readonly filters: readonly Filter[];
  readonly size: number;
  readonly stride: number;
  /** [size, size, 1, F]. */
  readonly kernel: tf.Tensor4D;
  /** Subtracted from the responses, [F]; absent where they are not scaled. */
  readonly offset?: tf.Tensor1D;
}

export interface FilterBank {
  /** In the order of their sizes and strides. */
  readonly groups: readonly FilterGroup[];
  /** Of images [n, height, width, channels], for each group: [n · channels, h, w, F]. */
  responses(x: tf.Tensor4D): tf.Tensor4D[];
  dispose(): void;
}

/**
 * @throws InvalidArgumentError for no filters, a filter larger than the image, or one whose responses to the examples
 * do not vary; InvalidShapeError for examples that are no images with these channels.
 */
export function filterBank({
  imageShape,
  filters,
  boundary = 'valid',
  examples,
}: FilterBankOptions): FilterBank {
  requireBackend();
  const [height, width, channels] = imageShape;
  if (filters.length === 0) throw new InvalidArgumentError('filters', 'must hold at least one');
  const tooLarge = filters.find(({ size }) => size > Math.min(height, width));
  if (tooLarge !== undefined) {
    const { name, size } = tooLarge;
    throw new InvalidArgumentError('filters', `'${name}' has ${size} pixels a side, more than the image`);
  }
  const groups = groupsOf(filters, examples, channels);
  return {
    groups,
    responses: (x) => {
      const planes = planesOf(x);
      return groups.map(({ kernel, offset, size, stride }) => {
        const image = boundary === 'periodic' ? wrap(planes, size) : planes;
        const responses = tf.conv2d(image, kernel, stride, 'valid');
        return offset === undefined ? responses : tf.sub(responses, offset);
      });
    },
    dispose: () => tf.dispose(groups.flatMap(({ kernel, offset }) => [kernel, ...(offset ? [offset] : [])])),
  };
}

function groupsOf(
  filters: readonly Filter[],
  examples: tf.Tensor4D | undefined,
  channels: number,
): FilterGroup[] {
  const keys = [...new Set(filters.map(({ size, stride }) => `${size} ${stride}`))];
  const bySize = keys
    .map((key) => key.split(' ').map(Number) as [number, number])
    .sort(([a, s], [b, t]) => a - b || s - t);
  return bySize.map(([size, stride]) => {
    const members = filters.filter((each) => each.size === size && each.stride === stride);
    const made = tidy(() => {
      const raw = tf.concat(
        members.map(({ values }) => tf.tensor4d(values, [size, size, 1, 1])),
        3,
      );
      if (examples === undefined) return { kernel: raw };
      const { mean, deviation } = standardsOf(members, raw, examples, channels);
      return { kernel: tf.div<tf.Tensor4D>(raw, deviation), offset: tf.div<tf.Tensor1D>(mean, deviation) };
    });
    return { filters: members, size, stride, ...made };
  });
}

/** The mean and the standard deviation of each filter's responses to the examples, where it lies within them. */
function standardsOf(
  filters: readonly Filter[],
  kernel: tf.Tensor4D,
  examples: tf.Tensor4D,
  channels: number,
) {
  requireEvents('examples', examples, [examples.shape[1]!, examples.shape[2]!, channels]);
  const responses = tf.conv2d(planesOf(examples), kernel, 1, 'valid');
  const { mean, variance } = tf.moments(responses, [0, 1, 2]);
  const deviation = tf.sqrt(variance) as tf.Tensor1D;
  const still = deviation.dataSync().findIndex((value) => !(value > 1e-6));
  if (still !== -1) {
    throw new InvalidArgumentError('examples', `do not vary as '${filters[still]!.name}' sees them`);
  }
  return { mean: mean as tf.Tensor1D, deviation };
}

/** [n, height, width, channels] to [n · channels, height, width, 1]. */
function planesOf(x: tf.Tensor4D): tf.Tensor4D {
  const [n, height, width, channels] = x.shape;
  if (channels === 1) return x;
  return tf.reshape(tf.transpose(x, [0, 3, 1, 2]), [n * channels, height, width, 1]);
}

/**
 * Images as tori: [m, h, w, 1] to [m, h + size − 1, w + size − 1, 1], where a `valid` filter of this size has h × w
 * positions.
 */
function wrap(x: tf.Tensor4D, size: number): tf.Tensor4D {
  if (size === 1) return x;
  const before = centreOf(size);
  const after = size - 1 - before;
  return [1, 2].reduce((image, axis) => {
    const length = image.shape[axis]!;
    return tf.concat(
      [part(image, axis, length - before, before), image, part(image, axis, 0, after)].filter(
        ({ size: n }) => n > 0,
      ),
      axis,
    );
  }, x);
}

/** How many pixels of a filter come before the one that its response is at. */
export function centreOf(size: number): number {
  return Math.floor((size - 1) / 2);
}

function part(x: tf.Tensor4D, axis: number, start: number, count: number): tf.Tensor4D {
  const begin = [0, 0, 0, 0];
  const sizes = [...x.shape];
  begin[axis] = start;
  sizes[axis] = count;
  return tf.slice(x, begin as [number, number, number, number], sizes as [number, number, number, number]);
}
