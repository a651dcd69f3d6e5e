/** Opens a data set by its name, or by a path whose content says what it is. */
import {
  type Dataset,
  foldIn,
  InvalidArgumentError,
  key as keyOf,
  type Key,
  MissingDataError,
} from '@srmcmc/core';
import { cifar10, findCifar10 } from './cifar10.ts';
import { kindOf } from './files.ts';
import { imageFolder, type ImageFolderOptions } from './image-folder.ts';
import { hasMnist, mnist } from './mnist.ts';
import { npyArray } from './npy.ts';
import { toys } from './toys/by-name.ts';
import { toyDataset } from './toys/toy.ts';

export interface OpenDatasetOptions {
  /** Default 'train'. Only CIFAR-10, MNIST and the toys have a test split. */
  readonly split?: 'train' | 'test';
  /** Only the first examples. */
  readonly subset?: number;
  /** How the images of a folder are cut. */
  readonly image?: Omit<ImageFolderOptions, 'subset'>;
  /** What a toy is drawn from; default `key(0)`. Its test split is an independent draw. */
  readonly key?: Key;
}

/**
 * Opens `cifar10`, `mnist` or a toy (`mixture1d`, `mixture2d`, `gaussian-ring`, `rings`, `checkerboard`,
 * `moons`, `pinwheel`: 50,000 points each) by name. Anything else is a path: a folder or archive of CIFAR-10, a
 * folder of IDX files, a `.npy` file or a folder of images. A folder called like a data set is `./cifar10`.
 *
 * @throws MissingDataError where nothing is found, InvalidArgumentError for an option that the data set does
 * not have, and what the data set's own function throws.
 */
export async function openDataset(nameOrPath: string, options: OpenDatasetOptions = {}): Promise<Dataset> {
  const { split = 'train', subset, image, key = keyOf(0) } = options;
  const kind = await recognise(nameOrPath);
  if (image !== undefined && kind !== 'image folder') {
    throw new InvalidArgumentError('image', `${nameOrPath} is no folder of images`);
  }
  if (split === 'test' && (kind === 'image folder' || kind === 'npy')) {
    throw new InvalidArgumentError(
      'split',
      `${nameOrPath} has no test split: give the path of its test examples`,
    );
  }
  const first = subset === undefined ? {} : { subset };
  const source = DATASETS.includes(nameOrPath) ? {} : { source: nameOrPath };
  switch (kind) {
    case 'cifar10':
      return cifar10({ ...source, split, ...first });
    case 'mnist':
      return mnist({ ...source, split, ...first });
    case 'npy':
      return npyArray(nameOrPath, first);
    case 'image folder':
      return imageFolder(nameOrPath, { ...image, ...first });
    case 'toy':
      return toyDataset(toys[nameOrPath]!(), {
        key: foldIn(key, split === 'train' ? 0 : 1),
        size: subset ?? TOY_POINTS,
      });
  }
}

/**
 * Whether `openDataset` takes it for a folder of images, which `image` is for.
 *
 * @throws MissingDataError where nothing is found.
 */
export async function isImageFolder(nameOrPath: string): Promise<boolean> {
  return (await recognise(nameOrPath)) === 'image folder';
}

const DATASETS = ['cifar10', 'mnist'];
const TOY_POINTS = 50_000;

type Kind = 'cifar10' | 'mnist' | 'npy' | 'image folder' | 'toy';

async function recognise(nameOrPath: string): Promise<Kind> {
  if (nameOrPath === 'cifar10' || nameOrPath === 'mnist') return nameOrPath;
  if (Object.hasOwn(toys, nameOrPath)) return 'toy';
  const found = await kindOf(nameOrPath);
  if (found === undefined) {
    const names = [...DATASETS, ...Object.keys(toys)].join(', ');
    throw new MissingDataError(`'${nameOrPath}' is neither a path that exists nor one of ${names}`);
  }
  if (nameOrPath.endsWith('.npy')) return 'npy';
  if ((await findCifar10(nameOrPath)) !== undefined) return 'cifar10';
  if (found === 'folder' && (await hasMnist(nameOrPath))) return 'mnist';
  if (found === 'folder') return 'image folder';
  throw new MissingDataError(
    `${nameOrPath} is no data set that is known: an archive of CIFAR-10, a .npy file, or a folder`,
  );
}
