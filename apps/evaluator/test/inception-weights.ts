/** Random weights of Inception-v3 up to its first max pool: features of 64 numbers, in no time. */
import { writeFileSync } from 'node:fs';
import { key, normals } from '@srmcmc/core';
import { fromFloat32, serialize } from '@srmcmc/safetensors';

const LAYERS = [
  ['Conv2d_1a_3x3', [32, 3, 3, 3]],
  ['Conv2d_2a_3x3', [32, 32, 3, 3]],
  ['Conv2d_2b_3x3', [64, 32, 3, 3]],
] as const;

/** `change` is given every filter's weights. */
export function writeInceptionWeights(
  path: string,
  change: (weights: Float32Array) => Float32Array = (weights) => weights,
): void {
  const tensors = LAYERS.flatMap(([name, shape], i) => {
    const [out, inputs] = shape;
    const weight = normals(key(i), out, inputs * 9).map((z) => z / Math.sqrt(4.5 * inputs));
    return [
      [`${name}.conv.weight`, fromFloat32(change(weight), shape)],
      [`${name}.conv.bias`, fromFloat32(new Float32Array(out), [out])],
    ] as const;
  });
  writeFileSync(path, serialize({ tensors: new Map(tensors) }));
}
