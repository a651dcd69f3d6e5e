/** What the generator makes, drawn in chunks so that memory does not grow with the number of chains. */
import { elements, type Energy, fromChain, type Key, split } from '@srmcmc/core';
import type { Config } from './config.ts';
import { generatorOf } from './model.ts';

/** Numbers in the chains that run together, so that memory stays that of a batch: 85 images of CIFAR-10. */
const CHUNK_NUMBERS = 2 ** 18;

/** Short runs [count, ...event], flat. Chain i depends on the key and i alone, so chunks change nothing. */
export async function drawSamples(
  config: Config,
  energy: Energy,
  key: Key,
  count: number,
): Promise<Float32Array> {
  const generator = generatorOf(config, energy);
  const [priorKey, noiseKey] = split(key) as [Key, Key];
  const size = elements(energy.eventShape);
  const samples = new Float32Array(count * size);
  const chunk = Math.max(1, Math.floor(CHUNK_NUMBERS / size));
  for (let first = 0; first < count; first += chunk) {
    const z = generator.prior(fromChain(priorKey, first), Math.min(chunk, count - first));
    const x = await generator.generateAsync(z, fromChain(noiseKey, first)).finally(() => z.dispose());
    samples.set((await x.data()) as Float32Array, first * size);
    x.dispose();
  }
  return samples;
}

/** Values from [-1, 1], and beyond it clipped. */
export function toBytes(values: Float32Array): Uint8Array {
  return new Uint8Array(Uint8ClampedArray.from(values, (value) => (value + 1) * 127.5).buffer);
}
