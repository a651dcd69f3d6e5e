/** Both gradients of a 2D convolution, each as forward convolutions of the transposed problem. NHWC. */

import * as tf from '@tensorflow/tfjs-core';

/** The attributes of the kernels Conv2DBackpropInput and Conv2DBackpropFilter, which know no dilation. */
export interface Conv2dAttributes {
  readonly strides: [number, number] | number;
  readonly pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
  readonly dataFormat: 'NHWC' | 'NCHW';
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

export type Shape4D = [number, number, number, number];

/**
 * ∂/∂filter of the sum of dy · conv2d(x, filter): [kh, kw, in, out].
 *
 * dW[ky, kx, i, o] = Σ x[b, s·oy + ky − p, s·ox + kx − p, i] · dy[b, oy, ox, o] is itself a convolution: x with
 * channels and batch exchanged, dy as the filter, dilated by the stride s.
 */
export function conv2dFilterGradient(
  x: tf.Tensor4D,
  dy: tf.Tensor4D,
  filterShape: Shape4D,
  attributes: Conv2dAttributes,
): tf.Tensor4D {
  const { inHeight, inWidth, outHeight, outWidth, strideHeight, strideWidth, padInfo } = geometry(
    x.shape,
    filterShape,
    attributes,
  );
  const [filterHeight, filterWidth] = filterShape;
  // Rows of x that no output sees are left over where the stride does not divide; more output rows then come out
  // than the filter has, and are cut off.
  const below = (outHeight - 1) * strideHeight + filterHeight - inHeight - padInfo.top;
  const right = (outWidth - 1) * strideWidth + filterWidth - inWidth - padInfo.left;
  return tf.tidy(() => {
    const gradient = tf.conv2d(
      tf.transpose(x, [3, 1, 2, 0]),
      tf.transpose(dy, [1, 2, 0, 3]),
      1,
      padding([padInfo.top, Math.max(below, 0)], [padInfo.left, Math.max(right, 0)]),
      'NHWC',
      [strideHeight, strideWidth],
    );
    const [, , inChannels, outChannels] = filterShape;
    return tf.transpose(
      cut(gradient, [0, 0, 0, 0], [inChannels, filterHeight, filterWidth, outChannels]),
      [1, 2, 0, 3],
    );
  });
}

/**
 * ∂/∂x of the sum of dy · conv2d(x, filter): `inputShape`, [batch, height, width, in].
 *
 * Rows and columns of x with the same remainder modulo the stride meet the same taps of the filter: each such phase is
 * one convolution of dy at stride 1, and the phases are woven together. No zeros are inserted.
 */
export function conv2dInputGradient(
  dy: tf.Tensor4D,
  filter: tf.Tensor4D,
  inputShape: Shape4D,
  attributes: Conv2dAttributes,
): tf.Tensor4D {
  const { inHeight, inWidth, outHeight, outWidth, strideHeight, strideWidth, padInfo } = geometry(
    inputShape,
    filter.shape,
    attributes,
  );
  const [filterHeight, filterWidth, inChannels] = filter.shape;
  const [batch] = inputShape;
  const rows = Math.ceil(inHeight / strideHeight);
  const columns = Math.ceil(inWidth / strideWidth);
  const vertical = phases(strideHeight, filterHeight, padInfo.top, rows, outHeight);
  const horizontal = phases(strideWidth, filterWidth, padInfo.left, columns, outWidth);
  const outChannels = filter.shape[3];
  return tf.tidy(() => {
    const transposed = tf.transpose(filter, [0, 1, 3, 2]);
    const phase = (v: Phase, h: Phase): tf.Tensor4D => {
      if (Math.min(v.taps.length, h.taps.length, v.kept, h.kept) <= 0) {
        return tf.zeros([batch, rows, columns, inChannels]);
      }
      // Taken one by one, taps are whole stretches of memory: much faster in wasm than a strided slice and a reversal.
      const taps = v.taps.flatMap((ky) =>
        h.taps.map((kx) => cut(transposed, [ky, kx, 0, 0], [1, 1, outChannels, inChannels])),
      );
      const subfilter: Shape4D = [v.taps.length, h.taps.length, outChannels, inChannels];
      return tf.conv2d(
        cut(dy, [0, v.cutBefore, h.cutBefore, 0], [batch, v.kept, h.kept, outChannels]),
        tf.reshape(tf.concat(taps, 0), subfilter) as tf.Tensor4D,
        1,
        padding([v.padBefore, v.padAfter], [h.padBefore, h.padAfter]),
      );
    };
    // Side by side in memory, the columns of the phases alternate, and so do then the rows.
    const strips = vertical.map((v) => {
      const alternating = tf.concat(
        horizontal.map((h) => phase(v, h)),
        3,
      );
      return tf.reshape(alternating, [batch, rows, columns * strideWidth * inChannels]);
    });
    const woven: Shape4D = [batch, rows * strideHeight, columns * strideWidth, inChannels];
    return cut(tf.reshape(tf.concat(strips, 2), woven) as tf.Tensor4D, [0, 0, 0, 0], inputShape);
  });
}

/** How the positions r, r + s, r + 2s, ... of one axis of x are made from that axis of dy. */
interface Phase {
  /** The indices of the filter that meet this phase, s apart, last first. */
  readonly taps: readonly number[];
  /** The stretch of dy that is read: a negative padding is a cut. */
  readonly cutBefore: number;
  readonly kept: number;
  readonly padBefore: number;
  readonly padAfter: number;
}

/** x[s·q + r] = Σ_j filter[s·j + c] · dy[q − j + e], with c = (r + p) mod s and e = (r + p − c) / s. */
function phases(stride: number, filterSize: number, pad: number, size: number, outSize: number): Phase[] {
  return Array.from({ length: stride }, (_, remainder) => {
    const firstTap = (remainder + pad) % stride;
    const count = Math.max(Math.ceil((filterSize - firstTap) / stride), 0);
    const before = count - 1 - (remainder + pad - firstTap) / stride;
    const after = size - outSize - before + count - 1;
    const cutBefore = Math.max(-before, 0);
    return {
      taps: Array.from({ length: count }, (_, i) => firstTap + (count - 1 - i) * stride),
      cutBefore,
      kept: outSize - cutBefore - Math.max(-after, 0),
      padBefore: Math.max(before, 0),
      padAfter: Math.max(after, 0),
    };
  });
}

/** tf.slice, which copies even where nothing is cut off. */
function cut(x: tf.Tensor4D, begin: Shape4D, size: Shape4D): tf.Tensor4D {
  return size.every((length, axis) => length === x.shape[axis]) ? x : tf.slice(x, begin, size);
}

function padding(vertical: [number, number], horizontal: [number, number]): tf.backend_util.ExplicitPadding {
  return [[0, 0], vertical, horizontal, [0, 0]];
}

function geometry(inputShape: Shape4D, filterShape: Shape4D, attributes: Conv2dAttributes) {
  const { strides, pad, dataFormat, dimRoundingMode } = attributes;
  if (dataFormat !== 'NHWC') throw new Error(`the wasm backend convolves NHWC only, got ${dataFormat}`);
  return tf.backend_util.computeConv2DInfo(inputShape, filterShape, strides, 1, pad, dimRoundingMode);
}
