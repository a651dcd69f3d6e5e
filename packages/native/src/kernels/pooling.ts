/** Pooling over windows of images. */

import { type AvgPoolAttrs, backend_util, util } from '@tensorflow/tfjs-core';

import { areFloat, input, type NativeKernel } from './native-kernel.ts';

export const poolingKernels: Readonly<Record<string, NativeKernel>> = {
  AvgPool: pooling('avg'),
  MaxPool: pooling('max'),
};

function pooling(kind: 'avg' | 'max'): NativeKernel {
  return ({ inputs, attrs, backend }) => {
    const x = input(inputs, 'x');
    const { filterSize, strides, pad, dimRoundingMode } = attrs as AvgPoolAttrs;
    const info = backend_util.computePool2DInfo(
      x.shape as [number, number, number, number],
      filterSize,
      strides,
      1,
      pad,
      dimRoundingMode,
    );
    if (!areFloat(x) || [...info.inShape, ...info.outShape].includes(0)) return undefined;
    // A pool of single pixels is the identity there, even where its padding says otherwise.
    if (info.filterHeight * info.filterWidth === 1 && util.arraysEqual(info.inShape, info.outShape))
      return undefined;
    const y = backend.output(info.outShape);
    backend.addon.pool(kind === 'avg' ? 1 : 0, poolShape(info), backend.floats(x), y.values);
    return y.info;
  };
}

/** The fields of cpp/kernels.h's PoolShape, in order. */
function poolShape(info: backend_util.Conv2DInfo): Int32Array {
  return Int32Array.of(
    info.batchSize,
    info.inHeight,
    info.inWidth,
    info.inChannels,
    info.outHeight,
    info.outWidth,
    info.filterHeight,
    info.filterWidth,
    info.strideHeight,
    info.strideWidth,
    info.dilationHeight,
    info.dilationWidth,
    info.padInfo.top,
    info.padInfo.left,
  );
}
