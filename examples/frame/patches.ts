/** Grey patches of photographs, one a photograph, so that they are independent of each other. */
import * as tf from '@tensorflow/tfjs-core';
import { type Dataset, foldIn, key, uniforms } from '@srmcmc/core';

/** [height, width, channels] of a patch. */
export const PATCH = [16, 16, 1] as const;

/** Grey as the eye weighs red, green and blue (ITU-R BT.601). */
const LUMA = [0.299, 0.587, 0.114];

/** [n, 16, 16, 1] in [-1, 1] of the images with these numbers, each at a place that its number decides. */
export async function patchesOf(dataset: Dataset, indices: Uint32Array): Promise<tf.Tensor4D> {
  const [side] = PATCH;
  const [height, width, channels] = dataset.shape as [number, number, number];
  const images = await dataset.gather(indices);
  const values = new Float32Array(indices.length * side * side);
  let at = 0;
  indices.forEach((index, i) => {
    const [down, right] = uniforms(foldIn(key(0), index), 1, 2);
    const top = Math.floor(down! * (height - side + 1));
    const left = Math.floor(right! * (width - side + 1));
    for (let y = top; y < top + side; y++) {
      for (let x = left; x < left + side; x++) {
        const pixel = ((i * height + y) * width + x) * channels;
        const grey = LUMA.reduce((sum, weight, c) => sum + weight * images[pixel + c]!, 0);
        values[at++] = grey / 127.5 - 1;
      }
    }
  });
  return tf.tensor4d(values, [indices.length, ...PATCH]);
}

/** Patches as bytes, each alone, to be drawn. */
export async function bytesOf(patches: tf.Tensor): Promise<Uint8Array[]> {
  const bytes = Uint8ClampedArray.from(await patches.data(), (value) => 127.5 * (value + 1));
  const size = bytes.length / patches.shape[0]!;
  return Array.from({ length: patches.shape[0]! }, (_, i) =>
    Uint8Array.from(bytes.subarray(i * size, (i + 1) * size)),
  );
}

/** Numbers of so many images, from `first` on. */
export function imagesFrom(first: number, count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => first + i);
}
