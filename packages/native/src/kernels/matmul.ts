/** Matrix products, batched, with an optional bias and activation. */

import { type _FusedMatMulAttrs, broadcast_util, type TensorInfo, util } from '@tensorflow/tfjs-core';

import { productPrecision } from '../addon.ts';
import type { NativeBackend } from '../backend.ts';
import { ACTIVATIONS, areFloat, input, type NativeKernel, perChannel } from './native-kernel.ts';

interface Product {
  readonly a: TensorInfo;
  readonly b: TensorInfo;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}
interface Finish {
  readonly bias: Float32Array | null;
  readonly activation: number;
  readonly alpha: number;
  readonly slopes: Float32Array | null;
}

export const matMulKernels: Readonly<Record<string, NativeKernel>> = {
  BatchMatMul: ({ inputs, attrs, backend }) => {
    const product = { a: input(inputs, 'a'), b: input(inputs, 'b'), ...(attrs as _FusedMatMulAttrs) };
    if (!areFloat(product.a, product.b)) return undefined;
    return multiply(backend, product, {
      bias: null,
      activation: ACTIVATIONS['linear']!,
      alpha: 0,
      slopes: null,
    });
  },

  _FusedMatMul: ({ inputs, attrs, backend }) => {
    const options = attrs as _FusedMatMulAttrs;
    const product = { a: input(inputs, 'a'), b: input(inputs, 'b'), ...options };
    const { bias, preluActivationWeights } = inputs;
    if (!areFloat(product.a, product.b, bias, preluActivationWeights)) return undefined;
    const activation = ACTIVATIONS[options.activation ?? 'linear'];
    const columns = product.b.shape.at(options.transposeB ? -2 : -1)!;
    const biasValues = perChannel(backend, bias, columns);
    const slopes = perChannel(backend, preluActivationWeights, columns);
    if (activation === undefined || biasValues === undefined || slopes === undefined) return undefined;
    const alpha = options.leakyreluAlpha ?? 0;
    return multiply(backend, product, { bias: biasValues, activation, alpha, slopes });
  },
};

function multiply(backend: NativeBackend, product: Product, finish: Finish): TensorInfo | undefined {
  const { a, b, transposeA, transposeB } = product;
  const inner = a.shape.at(transposeA ? -2 : -1)!;
  const rows = a.shape.at(transposeA ? -1 : -2)!;
  const columns = b.shape.at(transposeB ? -2 : -1)!;
  util.assert(inner === b.shape.at(transposeB ? -1 : -2), () => 'matMul: the inner dimensions do not match');
  const outerA = a.shape.slice(0, -2);
  const outerB = b.shape.slice(0, -2);
  const batchA = util.sizeFromShape(outerA);
  const batchB = util.sizeFromShape(outerB);
  // Only one whole operand is ever repeated here; a mixture of both is the cpu kernel's.
  if (batchA !== batchB && batchA !== 1 && batchB !== 1) return undefined;
  const outer = broadcast_util.assertAndGetBroadcastShape(outerA, outerB);
  if (util.sizeFromShape(outer) !== Math.max(batchA, batchB)) return undefined;
  const y = backend.output([...outer, rows, columns]);
  backend.addon.matMul(
    Int32Array.of(batchA, batchB, rows, inner, columns, transposeA ? 1 : 0, transposeB ? 1 : 0),
    backend.floats(a),
    backend.floats(b),
    y.values,
    finish.bias,
    finish.activation,
    finish.alpha,
    finish.slopes,
    productPrecision(),
  );
  return y.info;
}
