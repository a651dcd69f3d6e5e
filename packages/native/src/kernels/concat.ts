/** Joining tensors. */

import { backend_util, type ConcatAttrs, type TensorInfo, util } from '@tensorflow/tfjs-core';

import { areFloat, type NativeKernel } from './native-kernel.ts';

export const concatKernels: Readonly<Record<string, NativeKernel>> = {
  Concat: ({ inputs, attrs, backend }) => {
    const given = Object.values(inputs) as TensorInfo[];
    const axis = util.parseAxisParam((attrs as ConcatAttrs).axis, given[0]!.shape)[0]!;
    const parts = given.filter(({ shape }) => util.sizeFromShape(shape) > 0);
    if (!areFloat(...parts) || parts.length < 2) return undefined;
    const shapes = parts.map(({ shape }) => shape);
    backend_util.assertParamsConsistent(shapes, axis);
    const y = backend.output(backend_util.computeOutShape(shapes, axis));
    const lengths = shapes.map((shape) => util.sizeFromShape(shape.slice(axis)));
    backend.addon.concat(Int32Array.from(lengths), y.values, ...parts.map((part) => backend.floats(part)));
    return y.info;
  },
};
