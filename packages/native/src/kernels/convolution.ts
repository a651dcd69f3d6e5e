/** 2-D convolutions and their gradients. */

import {
  backend_util,
  type Conv2DAttrs,
  type Conv2DBackpropFilterAttrs,
  type Conv2DBackpropInputAttrs,
  type FusedConv2DAttrs,
  type TensorInfo,
  util,
} from '@tensorflow/tfjs-core';

import { type Precision, PRECISION_CODES, productPrecision } from '../addon.ts';
import {
  ACTIVATIONS,
  areFloat,
  input,
  type KernelArguments,
  type NativeKernel,
  perChannel,
} from './native-kernel.ts';

export const convolutionKernels: Readonly<Record<string, NativeKernel>> = {
  Conv2D: (args) => conv2d(args, productPrecision()),

  FusedConv2D: (args) => conv2d(args, productPrecision()),

  FusedConv2DInPrecision: (args) => {
    const { precision } = args.attrs as { readonly precision: Precision };
    if (!Object.hasOwn(PRECISION_CODES, precision)) {
      throw new TypeError("FusedConv2DInPrecision: 'precision' must be 'float32' or 'bfloat16'");
    }
    return conv2d(args, PRECISION_CODES[precision]);
  },

  Conv2DBackpropInput: ({ inputs, attrs, backend }) => {
    const dy = input(inputs, 'dy');
    const filter = input(inputs, 'filter');
    const options = attrs as Conv2DBackpropInputAttrs;
    const info = convInfo(options.inputShape, filter.shape, { ...options, dilations: 1 });
    if (!areFloat(dy, filter) || !isDense(info)) return undefined;
    // conv2dTranspose lets dy be larger than a convolution's output; the rest is ignored.
    if (!util.arraysEqual(dy.shape, info.outShape)) return undefined;
    const dx = backend.output(info.inShape);
    backend.addon.conv2dInputGradient(
      convShape(info),
      backend.floats(dy),
      backend.floats(filter),
      dx.values,
      productPrecision(),
    );
    return dx.info;
  },

  Conv2DBackpropFilter: ({ inputs, attrs, backend }) => {
    const x = input(inputs, 'x');
    const dy = input(inputs, 'dy');
    const options = attrs as Conv2DBackpropFilterAttrs;
    const info = convInfo(x.shape, options.filterShape, { ...options, dilations: 1 });
    if (!areFloat(x, dy) || !isDense(info)) return undefined;
    const dFilter = backend.output(info.filterShape);
    backend.addon.conv2dFilterGradient(
      convShape(info),
      backend.floats(x),
      backend.floats(dy),
      dFilter.values,
      productPrecision(),
    );
    return dFilter.info;
  },
};

/** With bias and activation where there are any. */
function conv2d({ inputs, attrs, backend }: KernelArguments, precision: number): TensorInfo | undefined {
  const x = input(inputs, 'x');
  const filter = input(inputs, 'filter');
  const { bias, preluActivationWeights } = inputs;
  const options = attrs as FusedConv2DAttrs;
  const info = convInfo(x.shape, filter.shape, options);
  const activation = ACTIVATIONS[options.activation ?? 'linear'];
  if (!areFloat(x, filter, bias, preluActivationWeights)) return undefined;
  if (activation === undefined || !isDense(info)) return undefined;
  const biasValues = perChannel(backend, bias, info.outChannels);
  const slopes = perChannel(backend, preluActivationWeights, info.outChannels);
  if (biasValues === undefined || slopes === undefined) return undefined;
  const y = backend.output(info.outShape);
  backend.addon.conv2d(
    convShape(info),
    backend.floats(x),
    backend.floats(filter),
    y.values,
    biasValues,
    activation,
    options.leakyreluAlpha ?? 0,
    slopes,
    precision,
  );
  return y.info;
}

function convInfo(
  inputShape: number[],
  filterShape: number[],
  {
    strides,
    pad,
    dilations,
    dataFormat,
    dimRoundingMode,
  }: Omit<Conv2DAttrs, 'dilations'> & { dilations: number | [number, number] },
): backend_util.Conv2DInfo {
  return backend_util.computeConv2DInfo(
    inputShape as [number, number, number, number],
    filterShape as [number, number, number, number],
    strides,
    dilations,
    pad,
    dimRoundingMode,
    false,
    backend_util.convertConv2DDataFormat(dataFormat),
  );
}

/** Pixels in rows of channels, and something to compute: the rest is the cpu backend's. */
function isDense(info: backend_util.Conv2DInfo): boolean {
  const sizes = [...info.inShape, ...info.outShape, ...info.filterShape];
  return info.dataFormat === 'channelsLast' && !sizes.includes(0);
}

/** The fields of cpp/kernels.h's ConvShape, in order. */
function convShape(info: backend_util.Conv2DInfo): Int32Array {
  return Int32Array.of(
    info.batchSize,
    info.inHeight,
    info.inWidth,
    info.inChannels,
    info.outHeight,
    info.outWidth,
    info.outChannels,
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
