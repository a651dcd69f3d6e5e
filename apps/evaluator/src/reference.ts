/** The data that samples are compared with: two disjoint random sets of one data set. */
import {
  type Dataset,
  elements,
  foldIn,
  fromChain,
  InvalidArgumentError,
  InvalidShapeError,
  key as keyOf,
  type Key,
  normals,
  permutation,
  split as splitKey,
} from '@srmcmc/core';
import type { Context } from './context.ts';
import { type FolderOptions, openData, requireFolder, type Split } from './data.ts';
import type { Model } from './model.ts';
import type { Examples } from './moments/comparison.ts';
import { toValues } from './pixels.ts';

/** What is asked of data whose images are brought to the model's shape. */
interface FormOptions extends Pick<FolderOptions, 'crop' | 'skipBad'> {
  readonly split?: Split | undefined;
}

export interface ReferenceOptions extends FormOptions {
  /** A name or a path that `openDataset` knows; default: what the run learned from. */
  readonly reference?: string | undefined;
  /** How many examples each set has at most. */
  readonly count: number;
  /** σ of the normal noise added to the data. */
  readonly sigma: number;
  /** Decides which examples, and the noise. */
  readonly seed: number;
}

export interface Reference {
  readonly name: string;
  /** Examples in each of the two. */
  readonly count: number;
  readonly data: Examples;
  readonly otherData: Examples;
}

/** Fewer examples than this make no covariance worth the name. */
export const FEWEST_EXAMPLES = 8;
const READ_AT_ONCE = 256;
/** Folded into the key of the seed; samples use its splits. */
const REFERENCE_KEY = 0;

/**
 * Opens a data set for a model and draws from it.
 *
 * @throws InvalidArgumentError without a name for the data; InvalidShapeError when they are of another shape than the
 * model's samples; what `openDataset` throws.
 */
export async function openReference(
  context: Context,
  model: Model,
  options: ReferenceOptions,
): Promise<Reference> {
  const { count, sigma, seed } = options;
  const { eventShape } = model.energy;
  const dataset = await openModelData(context, model, 'reference', { ...options, data: options.reference });
  if (dataset.shape.join() !== eventShape.join()) {
    throw new InvalidShapeError(`reference ${dataset.name}`, eventShape, dataset.shape);
  }
  const each = Math.min(count, Math.floor(dataset.size / 2));
  if (each < FEWEST_EXAMPLES) {
    throw new InvalidArgumentError(
      'reference',
      `${dataset.name} has ${dataset.size} examples: two sets of ${FEWEST_EXAMPLES} or more are needed`,
    );
  }
  const [orderKey, noiseKey] = splitKey(foldIn(keyOf(seed), REFERENCE_KEY)) as [Key, Key];
  const order = permutation(orderKey, dataset.size);
  return {
    name: dataset.name,
    count: each,
    data: examples(dataset, order.subarray(0, each), sigma, noiseKey),
    otherData: examples(dataset, order.subarray(each, 2 * each), sigma, fromChain(noiseKey, each)),
  };
}

export interface ModelDataOptions extends FormOptions {
  /** A name or a path that `openDataset` knows; default: what the run learned from, cut and left out as there. */
  readonly data?: string | undefined;
}

/**
 * A data set, whose images, where it is a folder, are brought to the shape of the model's; `flag` names it to the user.
 *
 * @throws InvalidArgumentError without a name for the data, and for options about a folder where there is none; what
 * `openDataset` throws.
 */
export async function openModelData(
  context: Context,
  { config, energy }: Model,
  flag: string,
  { data, split, crop, skipBad }: ModelDataOptions,
): Promise<Dataset> {
  const path = data ?? config.data;
  if (typeof path !== 'string') {
    throw new InvalidArgumentError(flag, 'the weights do not say what data they learned from: name it');
  }
  const learned = data === undefined ? config : {};
  const [size, , channels] = energy.eventShape;
  const dataset = await openData(context, path, {
    split,
    crop: crop ?? (typeof learned.crop === 'number' ? learned.crop : undefined),
    skipBad: skipBad || learned.skipBad === true,
    ...((channels === 1 || channels === 3) && { size, channels }),
  });
  await requireFolder([path], { crop, skipBad });
  return dataset;
}

async function* examples(dataset: Dataset, indices: Uint32Array, sigma: number, key: Key): Examples {
  const stride = elements(dataset.shape);
  for (let first = 0; first < indices.length; first += READ_AT_ONCE) {
    const some = indices.subarray(first, first + READ_AT_ONCE);
    const values = toValues(await dataset.gather(some));
    if (sigma > 0) {
      const noise = normals(fromChain(key, first), some.length, stride);
      for (let i = 0; i < values.length; i++) values[i]! += sigma * noise[i]!;
    }
    for (let i = 0; i < some.length; i++) yield values.subarray(i * stride, (i + 1) * stride);
  }
}
