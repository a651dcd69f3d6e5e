/** The file that every engine of a group reads: weights in PyTorch's layout, images, and what else a workload needs. */
import { type ConvNetworkSpec, foldIn, key, uniforms } from '@srmcmc/core';
import { fromFloat32, type RawTensor } from '@srmcmc/safetensors';
import { writeFileAtomic } from '@srmcmc/safetensors/node';
import { CHECK_IMAGES } from './protocol.ts';

/** Writes `f.0.weight`, `f.0.bias`, `f.2.weight`, ..., `images` [8, side, side, 3], and the extra tensors [8, ...]. */
export async function writeInputs(
  path: string,
  network: ConvNetworkSpec,
  extra: Readonly<Record<string, readonly number[]>>,
): Promise<void> {
  const tensors: [string, RawTensor][] = [];
  const add = (name: string, shape: readonly number[], bound: number): void => {
    const size = shape.reduce((a, b) => a * b, 1);
    const values = uniforms(foldIn(key(1), tensors.length), 1, size);
    tensors.push([
      name,
      fromFloat32(
        values.map((value) => bound * (2 * value - 1)),
        [...shape],
      ),
    ]);
  };
  network.layers.forEach(({ kernel, inChannels, outChannels }, i) => {
    // PyTorch's default rule.
    const bound = 1 / Math.sqrt(kernel ** 2 * inChannels);
    add(`f.${2 * i}.weight`, [outChannels, inChannels, kernel, kernel], bound);
    add(`f.${2 * i}.bias`, [outChannels], bound);
  });
  add('images', [CHECK_IMAGES, ...network.imageShape], 1);
  for (const [name, shape] of Object.entries(extra)) add(name, [CHECK_IMAGES, ...shape], 1);
  await writeFileAtomic(path, { tensors });
}
