/** Sizes of the layers of a convolutional network. */
import type { ConvLayerSpec, ConvNetworkSpec } from '@srmcmc/core';

/** A layer with the sides of the images that it reads and writes. */
export interface SizedLayer extends ConvLayerSpec {
  readonly inSide: number;
  readonly outSide: number;
  /** Multiply-adds for one image; each of the three passes has as many. */
  readonly macs: number;
}

export function sizedLayers({ imageShape, layers }: ConvNetworkSpec): SizedLayer[] {
  let inSide = imageShape[0];
  return layers.map((layer) => {
    const { kernel, stride, padding, inChannels, outChannels } = layer;
    const outSide = (inSide + 2 * padding - kernel) / stride + 1;
    const sized = { ...layer, inSide, outSide, macs: outSide ** 2 * kernel ** 2 * inChannels * outChannels };
    inSide = outSide;
    return sized;
  });
}
