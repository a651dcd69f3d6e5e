/** Pictures of what the generator makes, from the same chains every time, so that pictures can be compared. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Dataset, type Energy, fromChain, split, type Key } from '@srmcmc/core';
import { type GridShape, ImageGrid } from '@srmcmc/figures';
import type { Config } from './config.ts';
import { densityPng, windowOf } from './density.ts';
import { writeWhole } from './files.ts';
import { generatorOf } from './model.ts';

/** Numbers in the chains that run together, so that memory stays that of a batch: 85 images of CIFAR-10. */
const CHUNK_NUMBERS = 2 ** 18;
const DATA_POINTS = 5000;

/** Draws `samples/samples-<iteration>.png` as the run goes on. */
export interface SamplePictures {
  draw(iteration: number): Promise<string>;
}

/** Pictures of images, or of densities in the plane; undefined for data that neither fits. */
export async function samplePictures(
  config: Config,
  energy: Energy,
  dataset: Dataset,
  key: Key,
  folder: string,
): Promise<SamplePictures | undefined> {
  const picture = await pictureOf(energy, dataset);
  if (picture === undefined) return undefined;
  return {
    draw: async (iteration) => {
      const path = join(folder, samplesName(iteration));
      await writeWhole(path, await picture(await drawSamples(config, energy, key), config.samples));
      return path;
    },
  };
}

function samplesName(iteration: number): string {
  return `samples-${String(iteration).padStart(8, '0')}.png`;
}

/** Deletes the pictures of later iterations, which a rollback has undone. */
export async function dropPicturesAfter(iteration: number, folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (/^samples-\d+\.png$/.test(name) && name > samplesName(iteration)) await rm(join(folder, name));
  }
}

type Picture = (samples: Float32Array, count: number) => Promise<Uint8Array>;

async function pictureOf(energy: Energy, dataset: Dataset): Promise<Picture | undefined> {
  const { shape } = dataset;
  if (shape.length === 3 && [1, 3].includes(shape[2]!)) {
    return (samples, count) => imagesPng(samples, shape as GridShape, count);
  }
  if (shape.length !== 1 || shape[0] !== 2) return undefined;
  const first = Array.from({ length: Math.min(dataset.size, DATA_POINTS) }, (_, i) => i);
  const data = await dataset.gather(first);
  const window = windowOf(data);
  return (samples) => densityPng(energy, data, samples, window);
}

/** Values from [-1, 1], and beyond it clipped. */
function imagesPng(values: Float32Array, shape: GridShape, count: number): Promise<Uint8Array> {
  const grid = new ImageGrid(shape, count);
  const bytes = Uint8ClampedArray.from(values, (value) => (value + 1) * 127.5);
  const size = bytes.length / count;
  for (let i = 0; i < count; i++) grid.place(i, new Uint8Array(bytes.buffer, i * size, size));
  return grid.png();
}

/** Chain i depends on the key and i alone, so chunks change nothing. */
async function drawSamples(config: Config, energy: Energy, key: Key): Promise<Float32Array> {
  const generator = generatorOf(config, energy);
  const [priorKey, noiseKey] = split(key) as [Key, Key];
  const size = energy.eventShape.reduce((a, b) => a * b, 1);
  const samples = new Float32Array(config.samples * size);
  const chunk = Math.max(1, Math.floor(CHUNK_NUMBERS / size));
  for (let first = 0; first < config.samples; first += chunk) {
    const z = generator.prior(fromChain(priorKey, first), Math.min(chunk, config.samples - first));
    const x = await generator.generateAsync(z, fromChain(noiseKey, first)).finally(() => z.dispose());
    samples.set((await x.data()) as Float32Array, first * size);
    x.dispose();
  }
  return samples;
}
