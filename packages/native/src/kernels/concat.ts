/** Joining tensors, and parting them again. */

import {
  backend_util,
  type ConcatAttrs,
  type SplitVAttrs,
  type TensorInfo,
  util,
} from '@tensorflow/tfjs-core';

import { areFloat, compute, input, type NativeKernel } from './native-kernel.ts';

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

export const splitKernels: Readonly<Record<string, NativeKernel<TensorInfo[]>>> = {
  SplitV: ({ inputs, attrs, backend }) => {
    const x = input(inputs, 'x');
    const { numOrSizeSplits, axis: given } = attrs as SplitVAttrs;
    if (!areFloat(x)) return undefined;
    const axis = util.parseAxisParam(given, x.shape)[0]!;
    const sizes = backend_util.prepareSplitSize(
      x as Parameters<typeof backend_util.prepareSplitSize>[0],
      numOrSizeSplits,
      axis,
    );
    const shapes = sizes.map((size) => x.shape.map((length, i) => (i === axis ? size : length)));
    const values = backend.floats(x);
    const row = util.sizeFromShape(x.shape.slice(axis));
    return compute(backend, shapes, (parts) => {
      let offset = 0;
      parts.forEach((part, i) => {
        const length = util.sizeFromShape(shapes[i]!.slice(axis));
        for (let from = offset, to = 0; to < part.length; from += row, to += length) {
          part.set(values.subarray(from, from + length), to);
        }
        offset += length;
      });
    });
  },
};
