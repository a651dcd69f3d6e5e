/** The kernels that learning needs and the wasm backend lacks, made from those that it has. */

import * as tf from '@tensorflow/tfjs-core';
import {
  conv2dFilterGradient,
  conv2dInputGradient,
  type Conv2dAttributes,
  type Shape4D,
} from './conv-gradients.ts';

/**
 * Kernels of the cpu backend that gradients reach and wasm has no counterpart of: those of depthwise convolution and of
 * tf.gather. Their inputs are copied out to the cpu backend, their outputs back.
 */
const lent = [
  'DepthwiseConv2dNativeBackpropFilter',
  'DepthwiseConv2dNativeBackpropInput',
  'UnsortedSegmentSum',
];

/**
 * Registers on wasm: the convolution's filter gradient, which it lacks; the convolution's input gradient, which it has
 * as plain loops, several times slower; and the kernels `lent` by the cpu backend. Both backends must be imported.
 */
export function completeWasm(): void {
  replace('Conv2DBackpropFilter', ({ inputs, attrs }) => {
    const { filterShape, ...convolution } = attrs as unknown as Conv2dAttributes & { filterShape: Shape4D };
    return conv2dFilterGradient(
      inputs['x'] as tf.Tensor4D,
      inputs['dy'] as tf.Tensor4D,
      filterShape,
      convolution,
    );
  });
  replace('Conv2DBackpropInput', ({ inputs, attrs }) => {
    const { inputShape, ...convolution } = attrs as unknown as Conv2dAttributes & { inputShape: Shape4D };
    return conv2dInputGradient(
      inputs['dy'] as tf.Tensor4D,
      inputs['filter'] as tf.Tensor4D,
      inputShape,
      convolution,
    );
  });
  for (const kernelName of lent) {
    const kernel = tf.getKernel(kernelName, 'cpu');
    if (kernel && !tf.getKernel(kernelName, 'wasm')) replace(kernelName, onCpu(kernel.kernelFunc));
  }
}

const replaced = new Set<string>();

function replace(kernelName: string, kernelFunc: tf.KernelFunc): void {
  if (replaced.has(kernelName)) return;
  if (tf.getKernel(kernelName, 'wasm')) tf.unregisterKernel(kernelName, 'wasm');
  tf.registerKernel({ kernelName, backendName: 'wasm', kernelFunc });
  replaced.add(kernelName);
}

/** Runs a kernel of the cpu backend on copies of the inputs, and copies its outputs back. */
function onCpu(kernelFunc: tf.KernelFunc): tf.KernelFunc {
  return ({ inputs, attrs = {}, backend }) => {
    const wasm = backend as tf.KernelBackend;
    const cpu = tf.engine().findBackend('cpu');
    const copy = (from: tf.KernelBackend, to: tf.KernelBackend, { dataId, shape, dtype }: tf.TensorInfo) => ({
      dataId: to.write(from.readSync(dataId), shape, dtype),
      shape,
      dtype,
    });
    const lentInputs = Object.entries(inputs).flatMap(([name, input]) =>
      input ? [[name, copy(wasm, cpu, input)] as const] : [],
    );
    const made = kernelFunc({ inputs: Object.fromEntries(lentInputs), attrs, backend: cpu });
    const outputs = Array.isArray(made) ? made : [made];
    const returned = outputs.map((output) => copy(cpu, wasm, output));
    for (const { dataId } of [...lentInputs.map(([, input]) => input), ...outputs]) cpu.disposeData(dataId);
    return Array.isArray(made) ? returned : returned[0]!;
  };
}
