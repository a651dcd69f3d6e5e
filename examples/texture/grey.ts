/** Grey images as tensors of mean 0 and standard deviation 1, and back. */
import { existsSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import sharp from 'sharp';
import { InvalidArgumentError } from '@srmcmc/core';

export interface GreyScale {
  /** Of the image's bytes. */
  readonly mean: number;
  readonly deviation: number;
}

/**
 * Any image file that sharp reads, colours as luminance: [1, height, width, 1].
 *
 * @throws InvalidArgumentError for a file that is no image, or an image of one grey.
 */
export async function readGrey(file: string): Promise<GreyScale & { standardised: tf.Tensor4D }> {
  const { data, info } = await sharp(file)
    .autoOrient()
    .flatten()
    .greyscale()
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch((cause: Error) => {
      const problem = existsSync(file) ? `is no image that can be read: ${cause.message}` : 'is not there';
      throw new InvalidArgumentError('image', `${file} ${problem}`, { cause });
    });
  const mean = data.reduce((sum, each) => sum + each, 0) / data.length;
  const deviation = Math.sqrt(data.reduce((sum, each) => sum + (each - mean) ** 2, 0) / data.length);
  if (deviation === 0) throw new InvalidArgumentError('image', `${file} has one grey and no texture`);
  const standardised = Float32Array.from(data, (value) => (value - mean) / deviation);
  return { mean, deviation, standardised: tf.tensor4d(standardised, [1, info.height, info.width, 1]) };
}

/** The bytes of an image, cut off at black and at white. */
export async function toGrey(x: tf.Tensor, { mean, deviation }: GreyScale): Promise<Uint8Array> {
  return Uint8Array.from(Uint8ClampedArray.from(await x.data(), (value) => value * deviation + mean));
}
