/** Small data sets, tiny configurations and throw-away folders for the tests. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { key, uniforms } from '@srmcmc/core';
import { afterAll } from 'vitest';
import { type Config, type GivenConfig, resolveConfig } from '../src/config.ts';

const folders: string[] = [];

/** A folder that is gone when the test file is done. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'trainer-'));
  folders.push(folder);
  return folder;
}

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

/** A .npy file of a C-ordered array. */
export async function writeNpy(
  path: string,
  shape: readonly number[],
  values: Uint8Array | Float32Array,
): Promise<string> {
  const descr = values instanceof Uint8Array ? '|u1' : '<f4';
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  const padded = `${header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11)}\n`;
  const start = Buffer.alloc(10);
  start.write('\x93NUMPY\x01\x00', 'latin1');
  start.writeUInt16LE(padded.length, 8);
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  await writeFile(path, Buffer.concat([start, Buffer.from(padded, 'latin1'), bytes]));
  return path;
}

/** Images [count, 8, 8, 3] of one random colour each, brighter towards the right. */
export async function writeImages(folder: string, count = 64): Promise<string> {
  const side = 8;
  const colours = uniforms(key(99), count, 3);
  const values = new Uint8Array(count * side * side * 3);
  for (let i = 0; i < values.length; i++) {
    const image = Math.floor(i / (side * side * 3));
    const column = Math.floor(i / 3) % side;
    values[i] = Math.round(colours[3 * image + (i % 3)]! * 180 + column * 9);
  }
  return writeNpy(join(folder, 'images.npy'), [count, side, side, 3], values);
}

/** A run of seconds on the JavaScript backend, which every machine has and which computes the same on each. */
export function tinyConfig(given: GivenConfig): Config {
  return resolveConfig({ ...tinyFields, ...given });
}

/** Points in the plane, a perceptron, short chains. */
export const tinyFields = {
  preset: 'toy-2d',
  backend: 'cpu',
  hidden: [8],
  steps: 3,
  batch: 16,
  samples: 8,
  subset: 500,
  iterations: 20,
  sampleEvery: 1000,
  checkpointEvery: 5,
} as const;

/** The same for 8 × 8 images and a ConvNet. */
export function tinyImageFields(data: string) {
  return {
    data,
    backend: 'cpu',
    channels: [3, 4],
    steps: 3,
    batch: 4,
    samples: 4,
    iterations: 40,
    sampleEvery: 20,
    // Where it is not the evaluation that is tested, its thread would only take time.
    evaluateEvery: null,
    checkpointEvery: 4,
  } as const;
}
