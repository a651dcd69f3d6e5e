/** `stats`: computes the mean and the covariance of images' features once, for many comparisons. */
import { storing } from '@srmcmc/checkpoint';
import { InvalidArgumentError } from '@srmcmc/core';
import { type FeatureExtractor, RunningStatistics, saveStatistics } from '@srmcmc/metrics';
import { z } from 'zod';
import { type Context, useBackend } from '../context.ts';
import { requireFolder } from '../data.ts';
import { FeatureReader } from '../feature-reading.ts';
import { openFeatures } from '../features.ts';
import { isStatistics, openImages } from '../image-set.ts';
import { featureFlags } from './feature-flags.ts';

export const statsFlags = z.object({
  out: z
    .string()
    .regex(/\.(npz|safetensors)$/, 'must end in .npz or .safetensors')
    .describe('file to write: .npz as pytorch-fid has it, or .safetensors'),
  count: z.int().min(2).optional().describe('samples, or a random choice of data; default: all of the data'),
  ...featureFlags,
});

/** Writes the statistics of one kind of features, pixels unless the flags say otherwise. */
export async function stats(
  context: Context,
  source: string,
  flags: z.output<typeof statsFlags>,
): Promise<void> {
  const { out, features, weights, weightsHash, resize, inceptionPrecision } = flags;
  if (await isStatistics(source)) {
    throw new InvalidArgumentError('path', `${source} holds statistics already: give images or a model`);
  }
  await requireFolder([source], flags);
  const backend = await useBackend(context, flags);
  const images = await openImages(context, source, flags);
  const chosen = await openFeatures(context, images.shape, {
    ...{ weights, weightsHash, resize, inceptionPrecision, wantsLogits: false },
    features: features ?? (weights === undefined ? 'pixels' : undefined),
  });
  const [{ dimension, source: featureSource }] = chosen.extractors as [FeatureExtractor];
  const reader = new FeatureReader(context, { backend, fresh: flags.fresh });
  try {
    const running = new RunningStatistics(dimension, featureSource);
    for await (const batch of reader.batches(images, 'images', chosen)) running.add(batch.features[0]!);
    await storing(out, () => saveStatistics(out, running.result()));
    await reader.forget();
  } finally {
    chosen.dispose();
  }
  const { name, resize: resized, precision } = featureSource;
  const details = [resized, precision].filter((detail) => detail !== null).join(', ');
  const how = details === '' ? name : `${name} (${details})`;
  context.stdout.write(`${out}: ${dimension} features, ${how}, of ${images.count} images\n`);
}
