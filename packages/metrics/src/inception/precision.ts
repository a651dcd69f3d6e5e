/** What the products of Inception's convolutions are made of: single precision, or bfloat16 where it does no harm. */
import * as tf from '@tensorflow/tfjs-core';
import { InvalidArgumentError } from '@srmcmc/core';

/**
 * - `float32`: the references' numbers, to 4 digits.
 * - `mixed`: both operands of a product are rounded to bfloat16, of 8 significant bits, and sums are single precision. The first
 *   four layers stay in float32: they are a seventh of the operations to Mixed_6e, and rounding them would make nine
 *   tenths of the features' squared error. What is left moves an FID by less than 0.1 %.
 */
export type InceptionPrecision = 'float32' | 'mixed';

export const INCEPTION_PRECISIONS: readonly InceptionPrecision[] = ['float32', 'mixed'];

const IN_FLOAT32: readonly string[] = ['Conv2d_1a_3x3', 'Conv2d_2a_3x3', 'Conv2d_2b_3x3', 'Conv2d_3b_1x1'];
/** A kernel of @srmcmc/native, whatever precision is set there. */
const FUSED_CONV_IN_PRECISION = 'FusedConv2DInPrecision';

/** @throws InvalidArgumentError for an unknown precision, and for `mixed` on a backend that has no bfloat16. */
export function requirePrecision(precision: InceptionPrecision): void {
  if (!INCEPTION_PRECISIONS.includes(precision)) {
    throw new InvalidArgumentError(
      'precision',
      `one of ${INCEPTION_PRECISIONS.join(', ')}, got '${precision}'`,
    );
  }
  if (precision === 'mixed' && !hasPrecisions()) {
    throw new InvalidArgumentError(
      'precision',
      `mixed is the native backend's, and '${tf.getBackend()}' computes in float32: choose that, or @srmcmc/native`,
    );
  }
}

export interface ConvolutionArguments {
  /** [n, height, width, in] */
  readonly x: tf.Tensor4D;
  /** [height, width, in, out] */
  readonly filter: tf.Tensor;
  /** [out] */
  readonly bias: tf.Tensor1D;
  readonly stride: 1 | 2;
  readonly padding: 'same' | 'valid';
}

/** relu(x · filter + bias), of the layer of that name. */
export function convolution(
  name: string,
  { x, filter, bias, stride, padding }: ConvolutionArguments,
  precision: InceptionPrecision,
): tf.Tensor4D {
  const isRounded = precision === 'mixed' && !IN_FLOAT32.includes(name);
  const attributes = {
    ...{ strides: [stride, stride], pad: padding, dilations: [1, 1], dataFormat: 'NHWC' },
    ...{ activation: 'relu', precision: isRounded ? 'bfloat16' : 'float32' },
  };
  const kernel = hasPrecisions() ? FUSED_CONV_IN_PRECISION : tf.FusedConv2D;
  return tf.engine().runKernel(kernel, { x, filter, bias }, attributes) as tf.Tensor4D;
}

function hasPrecisions(): boolean {
  return tf.getKernel(FUSED_CONV_IN_PRECISION, tf.getBackend()) !== undefined;
}
