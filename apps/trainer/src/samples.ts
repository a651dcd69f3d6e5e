/** Pictures of what the generator makes, from the same chains every time, so that pictures can be compared. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dataset, Energy, Key } from '@srmcmc/core';
import { type GridShape, ImageGrid, requireImageGrid } from '@srmcmc/figures';
import type { Config } from './config.ts';
import { densityPng, windowOf } from './density.ts';
import { drawSamples, toBytes } from './draw-samples.ts';
import { writeWhole } from './files.ts';

const DATA_POINTS = 5000;

/** Draws `samples/samples-<iteration>.png` as the run goes on. */
export interface SamplePictures {
  draw(iteration: number): Promise<string>;
}

/** Throws InvalidArgumentError where so many samples make no picture. */
export function requirePicture({ samples }: Config, { shape }: Dataset): void {
  if (areImages(shape)) requireImageGrid('samples', shape, samples);
}

/** What is said where the data have no pictures; undefined where they have. */
export function withoutPictures({ shape }: Dataset): string | undefined {
  if (areImages(shape) || isPlane(shape)) return undefined;
  return (
    'no pictures of samples: they are drawn of images of 1 or 3 channels and of points in the plane, and the data are ' +
    `of shape [${shape.join(', ')}]`
  );
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
      await writeWhole(
        path,
        await picture(await drawSamples(config, energy, key, config.samples), config.samples),
      );
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
  if (areImages(shape)) return (samples, count) => imagesPng(samples, shape, count);
  if (!isPlane(shape)) return undefined;
  const first = Array.from({ length: Math.min(dataset.size, DATA_POINTS) }, (_, i) => i);
  const data = await dataset.gather(first);
  const window = windowOf(data);
  return (samples) => densityPng(energy, data, samples, window);
}

function areImages(shape: readonly number[]): shape is GridShape {
  return shape.length === 3 && [1, 3].includes(shape[2]!);
}

function isPlane(shape: readonly number[]): boolean {
  return shape.length === 1 && shape[0] === 2;
}

function imagesPng(values: Float32Array, shape: GridShape, count: number): Promise<Uint8Array> {
  const grid = new ImageGrid(shape, count);
  const bytes = toBytes(values);
  const size = bytes.length / count;
  for (let i = 0; i < count; i++) grid.place(i, bytes.subarray(i * size, (i + 1) * size));
  return grid.png();
}
