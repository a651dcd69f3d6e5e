/** Parts of tensors. */

import { slice_util, type SliceAttrs, type Tensor, util } from '@tensorflow/tfjs-core';

import { areFloat, input, type NativeKernel } from './native-kernel.ts';

/**
 * Up to this share of a tensor is copied. The cpu backend's slice is a view, which costs nothing and keeps all of the
 * tensor's memory from being used again: a new one of its size is then paid for in page faults.
 */
const MOST_COPIED = 1 / 8;

export const sliceKernels: Readonly<Record<string, NativeKernel>> = {
  Slice: ({ inputs, attrs, backend }) => {
    const x = input(inputs, 'x');
    if (!areFloat(x)) return undefined;
    const { begin, size } = attrs as SliceAttrs;
    const [from, sizes] = slice_util.parseSliceParams(x as Tensor, begin, size) as [number[], number[]];
    slice_util.assertParamsValid(x as Tensor, from, sizes);
    if (!slice_util.isSliceContinous(x.shape, from, sizes)) return undefined;
    const length = util.sizeFromShape(sizes);
    if (length > MOST_COPIED * util.sizeFromShape(x.shape)) return undefined;
    const offset = slice_util.computeFlatOffset(from, util.computeStrides(x.shape));
    const y = backend.output(sizes);
    y.values.set(backend.floats(x).subarray(offset, offset + length));
    return y.info;
  },
};
