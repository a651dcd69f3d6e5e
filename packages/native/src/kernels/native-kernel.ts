/** What a kernel of the addon looks like to the registry. */

import type { NamedAttrMap, NamedTensorInfoMap, TensorInfo } from '@tensorflow/tfjs-core';

import type { NativeBackend, Output } from '../backend.ts';

export interface KernelArguments {
  readonly inputs: NamedTensorInfoMap;
  readonly attrs: NamedAttrMap | object;
  readonly backend: NativeBackend;
}

/** Computes a kernel's output, or returns undefined where the cpu backend's kernel has to: other dtypes, layouts. */
export type NativeKernel<Result extends TensorInfo | TensorInfo[] = TensorInfo> = (
  args: KernelArguments,
) => Result | undefined;

export function areFloat(...tensors: (TensorInfo | undefined)[]): boolean {
  return tensors.every((tensor) => tensor === undefined || tensor.dtype === 'float32');
}

/** A tensor the kernel's caller must pass. */
export function input(inputs: NamedTensorInfoMap, name: string): TensorInfo {
  const tensor = inputs[name];
  if (!tensor) throw new TypeError(`the kernel needs an input '${name}'`);
  return tensor;
}

/** Numbers of cpp/kernels.h's enum Activation. */
export const ACTIVATIONS: Readonly<Record<string, number>> = {
  linear: 0,
  relu: 1,
  relu6: 2,
  elu: 3,
  leakyrelu: 4,
  prelu: 5,
  sigmoid: 6,
};

/** One value for each output channel, from a tensor that holds one for each or one for all; else undefined. */
export function perChannel(
  backend: NativeBackend,
  tensor: TensorInfo | undefined,
  channels: number,
): Float32Array | null | undefined {
  if (tensor === undefined || tensor === null) return null;
  const values = backend.floats(tensor);
  if (values.length === 1) return new Float32Array(channels).fill(values[0] ?? NaN);
  if (values.length === channels && tensor.shape.at(-1) === channels) return values;
  return undefined;
}

/** New tensors, of these shapes or as they are, written by `run`; none is left behind where it throws. */
export function compute(
  backend: NativeBackend,
  outputs: readonly (readonly number[] | Output)[],
  run: (results: Float32Array[]) => void,
): TensorInfo[] {
  const results = outputs.map((output) => ('info' in output ? output : backend.output(output)));
  try {
    run(results.map(({ values }) => values));
  } catch (error) {
    for (const { info } of results) backend.disposeData(info.dataId);
    throw error;
  }
  return results.map(({ info }) => info);
}
