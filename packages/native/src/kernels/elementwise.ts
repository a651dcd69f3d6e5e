/** Functions of one or two tensors, element by element, with broadcasting. */

import { broadcast_util, type TensorInfo, util } from '@tensorflow/tfjs-core';

import type { NativeBackend } from '../backend.ts';
import { areFloat, input, type NativeKernel } from './native-kernel.ts';

/** cpp/kernels.h's enum Unary, in order. */
const UNARY = [
  ...['neg', 'abs', 'square', 'sqrt', 'rsqrt', 'reciprocal', 'exp', 'log', 'tanh', 'sigmoid', 'softplus'],
  ...['relu', 'relu6', 'leakyRelu', 'elu', 'step', 'clip', 'copy'],
];
/** cpp/kernels.h's enum Binary, in order. */
const BINARY = [
  ...[
    'add',
    'sub',
    'mul',
    'div',
    'maximum',
    'minimum',
    'squaredDifference',
    'prelu',
    'eluGrad',
    'leakyReluGrad',
  ],
  ...['greater', 'greaterEqual', 'less', 'lessEqual', 'equal', 'notEqual'],
];
/** Axes that a broadcast may have once neighbours are merged: cpp/kernels.h's kMaxRank. */
const MAX_RANK = 6;

export const elementwiseKernels: Readonly<Record<string, NativeKernel>> = {
  Neg: unary('neg'),
  Abs: unary('abs'),
  Square: unary('square'),
  Sqrt: unary('sqrt'),
  Rsqrt: unary('rsqrt'),
  Reciprocal: unary('reciprocal'),
  Exp: unary('exp'),
  Log: unary('log'),
  Tanh: unary('tanh'),
  Sigmoid: unary('sigmoid'),
  Softplus: unary('softplus'),
  Relu: unary('relu'),
  Relu6: unary('relu6'),
  Elu: unary('elu'),
  LeakyRelu: unary('leakyRelu', 'alpha'),
  Step: unary('step', 'alpha'),
  ClipByValue: unary('clip', 'clipValueMin', 'clipValueMax'),

  Add: binary('add'),
  Sub: binary('sub'),
  Multiply: binary('mul'),
  RealDiv: binary('div'),
  Maximum: binary('maximum'),
  Minimum: binary('minimum'),
  SquaredDifference: binary('squaredDifference'),
  Prelu: binary('prelu', 'x', 'alpha'),
  EluGrad: binary('eluGrad', 'dy', 'y'),

  Greater: comparison('greater'),
  GreaterEqual: comparison('greaterEqual'),
  Less: comparison('less'),
  LessEqual: comparison('lessEqual'),
  Equal: comparison('equal'),
  NotEqual: comparison('notEqual'),

  LeakyReluGrad: ({ inputs, attrs, backend }) => {
    const dy = input(inputs, 'dy');
    const y = input(inputs, 'y');
    if (!areFloat(dy, y) || !util.arraysEqual(dy.shape, y.shape)) return undefined;
    return broadcast(backend, 'leakyReluGrad', dy, y, parameter(attrs, 'alpha'));
  },

  Select: ({ inputs, backend }) => {
    const condition = input(inputs, 'condition');
    const t = input(inputs, 't');
    const e = input(inputs, 'e');
    const values = backend.data.get(condition.dataId).values;
    if (!areFloat(t, e) || !(values instanceof Uint8Array)) return undefined;
    if (!util.arraysEqual(condition.shape, t.shape) || !util.arraysEqual(t.shape, e.shape)) return undefined;
    const y = backend.output(t.shape);
    backend.addon.select(values, backend.floats(t), backend.floats(e), y.values);
    return y.info;
  },
};

function parameter(attrs: object, name: string | undefined): number {
  return name === undefined ? 0 : Number((attrs as Record<string, unknown>)[name]);
}

function unary(name: string, first?: string, second?: string): NativeKernel {
  const op = UNARY.indexOf(name);
  return ({ inputs, attrs, backend }) => {
    const x = input(inputs, 'x');
    if (!areFloat(x)) return undefined;
    const y = backend.output(x.shape);
    backend.addon.unary(op, backend.floats(x), y.values, parameter(attrs, first), parameter(attrs, second));
    return y.info;
  };
}

function binary(name: string, first = 'a', second = 'b'): NativeKernel {
  return ({ inputs, backend }) => {
    const a = input(inputs, first);
    const b = input(inputs, second);
    return areFloat(a, b) ? broadcast(backend, name, a, b, 0) : undefined;
  };
}

function broadcast(
  backend: NativeBackend,
  name: string,
  a: TensorInfo,
  b: TensorInfo,
  parameter0: number,
): TensorInfo | undefined {
  const outShape = broadcast_util.assertAndGetBroadcastShape(a.shape, b.shape);
  const shape = broadcastShape(outShape, a.shape, b.shape);
  if (shape === undefined) return undefined;
  const y = backend.output(outShape);
  backend.addon.binary(
    BINARY.indexOf(name),
    shape,
    backend.floats(a),
    backend.floats(b),
    y.values,
    parameter0,
  );
  return y.info;
}

function comparison(name: string): NativeKernel {
  const op = BINARY.indexOf(name);
  return ({ inputs, backend }) => {
    const a = input(inputs, 'a');
    const b = input(inputs, 'b');
    if (!areFloat(a, b)) return undefined;
    const outShape = broadcast_util.assertAndGetBroadcastShape(a.shape, b.shape);
    const shape = broadcastShape(outShape, a.shape, b.shape);
    if (shape === undefined) return undefined;
    const y = new Uint8Array(util.sizeFromShape(outShape));
    backend.addon.compare(op, shape, backend.floats(a), backend.floats(b), y);
    return backend.makeTensorInfo(outShape, 'bool', y);
  };
}

/**
 * Sizes, strides of a and strides of b, one set after the other, over as few axes as will do: axes of size 1 are
 * left out and neighbours that both operands walk through alike are merged. Undefined if too many are left.
 */
function broadcastShape(
  out: readonly number[],
  a: readonly number[],
  b: readonly number[],
): Int32Array | undefined {
  const sizes: number[] = [];
  const stridesA: number[] = [];
  const stridesB: number[] = [];
  let strideA = 1;
  let strideB = 1;
  for (let axis = 1; axis <= out.length; axis++) {
    const size = out.at(-axis)!;
    const sizeA = axis <= a.length ? a.at(-axis)! : 1;
    const sizeB = axis <= b.length ? b.at(-axis)! : 1;
    if (size !== 1) {
      const stepA = sizeA === 1 ? 0 : strideA;
      const stepB = sizeB === 1 ? 0 : strideB;
      const inner = sizes[0];
      if (inner !== undefined && stepA === stridesA[0]! * inner && stepB === stridesB[0]! * inner)
        sizes[0] = inner * size;
      else {
        sizes.unshift(size);
        stridesA.unshift(stepA);
        stridesB.unshift(stepB);
      }
    }
    strideA *= sizeA;
    strideB *= sizeB;
  }
  return sizes.length <= MAX_RANK ? Int32Array.of(...sizes, ...stridesA, ...stridesB) : undefined;
}
