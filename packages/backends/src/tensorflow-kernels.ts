/** Convolutions with padding given in numbers, which tfjs-node's kernels refuse: they know 'same' and 'valid'. */

import * as tf from '@tensorflow/tfjs-core';
import type { Conv2dAttributes, Shape4D } from './conv-gradients.ts';

type Attributes = Conv2dAttributes & { readonly dilations?: [number, number] | number };
type Inputs = Record<string, tf.Tensor4D>;

/**
 * Teaches the tensorflow backend's convolutions and their gradients numeric padding. Where it is what 'same' or 'valid'
 * would be, as in every layer of the paper's networks, it is passed on under that name; any other is padded by hand.
 */
export function completeTensorflow(): void {
  const forward: Padding = {
    inputShape: ({ x }) => x!.shape,
    filterShape: ({ filter }) => filter!.shape,
    pad: (original, inputs, attrs, pads) =>
      original({ ...inputs, x: tf.pad(inputs['x']!, pads) as tf.Tensor4D }, attrs),
  };
  wrap('Conv2D', forward);
  wrap('FusedConv2D', forward);
  wrap('Conv2DBackpropFilter', {
    ...forward,
    filterShape: (_, attrs) => attrs['filterShape'] as Shape4D,
  });
  wrap('Conv2DBackpropInput', {
    inputShape: (_, attrs) => attrs['inputShape'] as Shape4D,
    filterShape: ({ filter }) => filter!.shape,
    pad: (original, inputs, attrs, pads) => {
      const inputShape = attrs['inputShape'] as Shape4D;
      const padded = inputShape.map((size, axis) => size + pads[axis]![0] + pads[axis]![1]);
      const gradient = original(inputs, { ...attrs, inputShape: padded });
      return tf.slice(
        gradient,
        pads.map(([before]) => before),
        inputShape,
      );
    },
  });
}

type Run = (inputs: Inputs, attrs: tf.NamedAttrMap) => tf.Tensor;

interface Padding {
  inputShape(inputs: Inputs, attrs: tf.NamedAttrMap): Shape4D;
  filterShape(inputs: Inputs, attrs: tf.NamedAttrMap): Shape4D;
  /** Runs the kernel, its `pad` now 'valid', on a problem that `pads` have been added to. */
  pad(original: Run, inputs: Inputs, attrs: tf.NamedAttrMap, pads: [number, number][]): tf.Tensor;
}

const wrapped = new Set<string>();

function wrap(kernelName: string, { inputShape, filterShape, pad }: Padding): void {
  const kernel = tf.getKernel(kernelName, 'tensorflow');
  if (!kernel || wrapped.has(kernelName)) return;
  const kernelFunc: tf.KernelFunc = ({ inputs, attrs = {}, backend }) => {
    const tensors = inputs as unknown as Inputs;
    const attributes = attrs as unknown as Attributes;
    const original: Run = (inputs, attrs) =>
      kernel.kernelFunc({ inputs: inputs as tf.NamedTensorInfoMap, attrs, backend }) as tf.Tensor;
    if (typeof attributes.pad === 'string' || attributes.dataFormat === 'NCHW')
      return original(tensors, attrs);
    const shapes = [inputShape(tensors, attrs), filterShape(tensors, attrs)] as const;
    const { top, bottom, left, right } = pads(...shapes, attributes, attributes.pad);
    const name = (['same', 'valid'] as const).find((name) => {
      const named = pads(...shapes, attributes, name);
      return named.top === top && named.bottom === bottom && named.left === left && named.right === right;
    });
    if (name) return original(tensors, { ...attrs, pad: name });
    const numbers: [number, number][] = [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ];
    return tf.tidy(() => pad(original, tensors, { ...attrs, pad: 'valid' }, numbers));
  };
  tf.unregisterKernel(kernelName, 'tensorflow');
  tf.registerKernel({ kernelName, backendName: 'tensorflow', kernelFunc });
  wrapped.add(kernelName);
}

function pads(inputShape: Shape4D, filterShape: Shape4D, attributes: Attributes, pad: Attributes['pad']) {
  const { strides, dilations = 1, dimRoundingMode } = attributes;
  return tf.backend_util.computeConv2DInfo(inputShape, filterShape, strides, dilations, pad, dimRoundingMode)
    .padInfo;
}
