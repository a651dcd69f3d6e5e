/** Resizing of images. */

import type { ResizeBilinearAttrs } from '@tensorflow/tfjs-core';

import { areFloat, input, type NativeKernel } from './native-kernel.ts';

export const resizeKernels: Readonly<Record<string, NativeKernel>> = {
  ResizeBilinear: ({ inputs, attrs, backend }) => {
    const images = input(inputs, 'images');
    const { size, alignCorners, halfPixelCenters } = attrs as ResizeBilinearAttrs;
    const [batch, height, width, channels] = images.shape as [number, number, number, number];
    const [outHeight, outWidth] = size;
    if (!areFloat(images) || [...images.shape, ...size].includes(0)) return undefined;
    const y = backend.output([batch, outHeight, outWidth, channels]);
    const options = [Number(alignCorners), Number(halfPixelCenters)];
    const shape = Int32Array.of(batch, height, width, channels, outHeight, outWidth, ...options);
    backend.addon.resizeBilinear(shape, backend.floats(images), y.values);
    return y.info;
  },
};
