/** The data of a run, and a batch of it as a tensor. */
import * as tf from '@tensorflow/tfjs-core';
import {
  type Batch,
  CorruptDataError,
  type Dataset,
  InvalidArgumentError,
  MissingDataError,
} from '@srmcmc/core';
import { isImageFolder, openDataset, type OpenDatasetOptions } from '@srmcmc/datasets';
import type { Config } from './config.ts';

const BYTE_HALF = 127.5;

/** What a folder of these presets must be given by hand, and where it comes from. */
const TO_BE_GIVEN: Readonly<Record<string, string>> = {
  celeba: 'the folder of aligned and cropped CelebA images (img_align_celeba)',
  lsun: 'a folder of LSUN images',
};

/**
 * Opens the data set that the configuration names.
 *
 * @throws MissingDataError or CorruptDataError where it is not there or damaged; InvalidArgumentError where it has
 * fewer examples than a batch, or than the subset asked for, and for fields about the images of a folder where there is none.
 */
export async function openData(config: Config): Promise<Dataset> {
  const { data, subset, batch } = config;
  if (data in TO_BE_GIVEN && config.preset.startsWith(data)) {
    throw new MissingDataError(`the preset ${config.preset} needs --data: ${TO_BE_GIVEN[data]}`);
  }
  const dataset = await openAs(config, { ...(subset !== null && { subset }) });
  if (dataset.size < batch) {
    throw new InvalidArgumentError('batch', `is ${batch}, but ${dataset.name} has ${dataset.size} examples`);
  }
  return dataset;
}

/** Opens it with what is asked of the images of a folder. */
async function openAs(config: Config, options: OpenDatasetOptions): Promise<Dataset> {
  const { data, imageSide, crop, skipBad } = config;
  const asked = (['imageSide', 'crop', 'skipBad'] as const).find((field) => config[field]);
  if (asked === undefined) return openDataset(data, options);
  if (!(await isImageFolder(data))) {
    const remedy =
      asked === 'skipBad' ? 'leave it out' : "leave it out, or give 'none' where the preset has it";
    throw new InvalidArgumentError(asked, `is for a folder of images, and ${data} is none: ${remedy}`);
  }
  const image = {
    ...(imageSide !== null && { size: imageSide }),
    ...(crop !== null && { crop }),
    ...(skipBad && { skipBad }),
  };
  return openDataset(data, { ...options, image });
}

/** The next batch. An image that turns out to be damaged is said with how the run in this folder can go on. */
export async function nextBatch(stream: AsyncGenerator<Batch, never, void>, run: string): Promise<Batch> {
  try {
    return (await stream.next()).value;
  } catch (error) {
    if (!(error instanceof CorruptDataError)) throw error;
    throw new CorruptDataError(
      `${error.message}; --resume ${run} --skip-bad goes on from the last checkpoint`,
      { cause: error },
    );
  }
}

/** [n, ...shape]: bytes scaled to [-1, 1], floats as they are. */
export function examplesTensor({ values }: Pick<Batch, 'values'>, shape: readonly number[]): tf.Tensor {
  const scaled =
    values instanceof Float32Array ? values : Float32Array.from(values, (byte) => byte / BYTE_HALF - 1);
  return tf.tensor(scaled, [scaled.length / shape.reduce((a, b) => a * b, 1), ...shape], 'float32');
}
