/** From the bytes of an image to what the network's first layer reads, as each reference program has it. */
import * as tf from '@tensorflow/tfjs-core';
import { InvalidArgumentError, InvalidShapeError } from '@srmcmc/core';
import { INPUT_CHANNELS, INPUT_SIDE } from './network.ts';

/**
 * Which program's numbers are to be met. Both resize to 299×299 bilinearly and without antialiasing; they differ in
 * where they take pixels to lie, which moves an FID by a few percent, and in the range.
 * - `torch-fidelity`: TensorFlow 1's resizing, in which output pixel i lies at i · size / 299, then (x − 128) / 128.
 *   That is the graph itself, and so the original FID (Heusel et al. 2017) and Inception Score (Salimans et al.
 *   2016) programs.
 * - `pytorch-fid`: half-pixel centres, (i + ½) · size / 299 − ½, then x / 127.5 − 1.
 */
export type Preprocessing = 'torch-fidelity' | 'pytorch-fid';

export const PREPROCESSINGS: readonly Preprocessing[] = ['torch-fidelity', 'pytorch-fid'];

/** Images of one size, NHWC, one after another: bytes, or floats on the bytes' scale, 0 to 255. */
export interface ImageBatch {
  readonly values: Uint8Array | Float32Array;
  /** [n, height, width, 3] */
  readonly shape: readonly number[];
}

/** A side smaller than this is more often an axis in the wrong place, such as the 3 of [n, 3, height, width]. */
const SMALLEST_SIDE = 8;

/** [n, height, width, 3] in 0 to 255 to [n, 299, 299, 3] in about −1 to 1. */
export function preprocess(images: tf.Tensor4D, preprocessing: Preprocessing): tf.Tensor4D {
  return tf.tidy(() => {
    const [, height, width] = images.shape;
    const floats = tf.cast(images, 'float32');
    const halfPixel = preprocessing === 'pytorch-fid';
    const isSized = height === INPUT_SIDE && width === INPUT_SIDE;
    const sized = isSized
      ? floats
      : tf.image.resizeBilinear(floats, [INPUT_SIDE, INPUT_SIDE], false, halfPixel);
    return halfPixel ? tf.sub(tf.mul(sized, 2 / 255), 1) : tf.mul(tf.sub(sized, 128), 1 / 128);
  });
}

/**
 * Throws InvalidShapeError unless the shape is that of RGB images, and InvalidArgumentError where the values do not
 * fill it, or floats leave 0 to 255.
 */
export function requireImages({ values, shape }: ImageBatch): void {
  requireImageShape(shape);
  const count = shape.reduce((product, size) => product * size, 1);
  if (values.length !== count) {
    throw new InvalidArgumentError('values', `${values.length} of them do not fill [${shape.join(', ')}]`);
  }
  // Negated, so that NaN fails.
  const at = values instanceof Uint8Array ? -1 : values.findIndex((value) => !(value >= 0 && value <= 255));
  if (at >= 0) {
    const image = Math.floor(at / (count / shape[0]!));
    throw new InvalidArgumentError(
      'values',
      `image ${image} of the batch has ${values[at]} in it, outside 0 to 255: map [-1, 1] by (x + 1) · 127.5, rounded`,
    );
  }
}

/** Throws InvalidShapeError unless the shape is [n, height, width, 3] with sides of at least 8. */
export function requireImageShape(shape: readonly number[]): void {
  const expected = ['n', 'height', 'width', INPUT_CHANNELS];
  if (shape.length !== 4) {
    throw new InvalidShapeError('images', expected, shape, 'add the axis of the batch, or of the channels');
  }
  const [count, height, width, channels] = shape as [number, number, number, number];
  if (channels !== INPUT_CHANNELS) {
    const remedies: Readonly<Record<number, string>> = {
      1: 'Inception sees colours: repeat the grey channel three times',
      2: 'drop the alpha channel, and repeat the grey one three times',
      4: 'drop the alpha channel, or lay the images on white',
    };
    throw new InvalidShapeError(
      'images',
      expected,
      shape,
      remedies[channels] ?? 'the channels must come last',
    );
  }
  if (count < 1 || height < SMALLEST_SIDE || width < SMALLEST_SIDE) {
    const remedy = `at least one image, of sides of at least ${SMALLEST_SIDE} pixels`;
    throw new InvalidShapeError('images', expected, shape, remedy);
  }
}
