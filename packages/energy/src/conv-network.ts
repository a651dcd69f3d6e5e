/** The layers of the paper's ConvNets (Nijkamp et al. 2019, 7.4), from an image shape and a list of channels. */
import {
  type ActivationSpec,
  type ConvLayerSpec,
  type ConvNetworkSpec,
  InvalidArgumentError,
  requireInteger,
} from '@srmcmc/core';

/** Side of the image that the last layer sees in the paper's nets, and the kernel of every layer but the first. */
const FINAL_SIDE = 4;
const DOWN_KERNEL = 4;

/**
 * Channels of the paper's nets for 32, 64 and 128 px: n, 2n, 4n, 8n, and 8n again for each doubling of the side.
 * Some releases widen the layers past 32 px further: `widest: 16`.
 *
 * @throws InvalidArgumentError for another side, and for n that is no positive integer.
 */
export function paperChannels(
  side: 32 | 64 | 128,
  n: number,
  { widest = 8 }: { widest?: 8 | 16 } = {},
): number[] {
  const layers = Math.log2(side / FINAL_SIDE) + 1;
  if (!Number.isInteger(layers) || layers < 4) {
    throw new InvalidArgumentError('side', `the paper's nets are for 32, 64 and 128 px, got ${side}`);
  }
  requireInteger('n', n, 1);
  return Array.from({ length: layers }, (_, i) => n * Math.min(2 ** i, widest));
}

/**
 * conv 3×3 stride 1 to the first number of channels, one conv 4×4 stride 2 for each further one, and a valid
 * convolution over what is left to one number.
 *
 * @throws InvalidArgumentError when the image is not square, or its side cannot be halved that often.
 */
export function convNetwork(
  imageShape: readonly [number, number, number],
  channels: readonly number[],
  activation: ActivationSpec,
): ConvNetworkSpec {
  const [height, width, colours] = imageShape;
  if (height !== width || ![height, colours].every((size) => Number.isSafeInteger(size) && size > 0)) {
    throw new InvalidArgumentError(
      'imageShape',
      `must be [side, side, channels], got [${imageShape.join(', ')}]`,
    );
  }
  if (channels.length === 0 || !channels.every((count) => Number.isSafeInteger(count) && count > 0)) {
    throw new InvalidArgumentError('channels', `must list positive numbers, got [${channels.join(', ')}]`);
  }
  const halvings = channels.length - 1;
  const finalSide = height / 2 ** halvings;
  if (!Number.isInteger(finalSide)) {
    throw new InvalidArgumentError(
      'channels',
      `${channels.length} of them halve the image ${halvings} times, but its side is ${height}`,
    );
  }
  const hidden = channels.map((outChannels, i): ConvLayerSpec =>
    i === 0
      ? { kernel: 3, stride: 1, padding: 1, inChannels: colours, outChannels }
      : { kernel: DOWN_KERNEL, stride: 2, padding: 1, inChannels: channels[i - 1]!, outChannels },
  );
  const final = { kernel: finalSide, stride: 1, padding: 0, inChannels: channels.at(-1)!, outChannels: 1 };
  return { kind: 'conv', imageShape, layers: [...hidden, final], activation };
}

/** Multiply-accumulates of one forward pass on one image; a Langevin step costs twice as many. */
export function multiplyAccumulates(network: ConvNetworkSpec): number {
  let side = network.imageShape[0];
  return network.layers.reduce((total, { kernel, stride, padding, inChannels, outChannels }) => {
    side = (side + 2 * padding - kernel) / stride + 1;
    return total + side ** 2 * kernel ** 2 * inChannels * outChannels;
  }, 0);
}
