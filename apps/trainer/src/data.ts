/** The data of a run, and a batch of it as a tensor. */
import * as tf from '@tensorflow/tfjs-core';
import { type Batch, type Dataset, InvalidArgumentError, MissingDataError } from '@srmcmc/core';
import { openDataset } from '@srmcmc/datasets';
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
 * fewer examples than a batch, or than the subset asked for.
 */
export async function openData(config: Config): Promise<Dataset> {
  const { data, subset, imageSide, crop, batch } = config;
  if (data in TO_BE_GIVEN && config.preset.startsWith(data)) {
    throw new MissingDataError(`the preset ${config.preset} needs --data: ${TO_BE_GIVEN[data]}`);
  }
  const image = { ...(imageSide !== null && { size: imageSide }), ...(crop !== null && { crop }) };
  const dataset = await openDataset(data, {
    ...(subset !== null && { subset }),
    ...(Object.keys(image).length > 0 && { image }),
  });
  if (dataset.size < batch) {
    throw new InvalidArgumentError('batch', `is ${batch}, but ${dataset.name} has ${dataset.size} examples`);
  }
  return dataset;
}

/** [n, ...shape]: bytes scaled to [-1, 1], floats as they are. */
export function examplesTensor({ values }: Pick<Batch, 'values'>, shape: readonly number[]): tf.Tensor {
  const scaled =
    values instanceof Float32Array ? values : Float32Array.from(values, (byte) => byte / BYTE_HALF - 1);
  return tf.tensor(scaled, [scaled.length / shape.reduce((a, b) => a * b, 1), ...shape], 'float32');
}
