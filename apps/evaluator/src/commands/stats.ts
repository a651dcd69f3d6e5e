/** `stats`: computes the mean and the covariance of images' features once, for many comparisons. */
import { storing } from '@srmcmc/checkpoint';
import { InvalidArgumentError } from '@srmcmc/core';
import { collectStatistics, saveStatistics } from '@srmcmc/metrics';
import { z } from 'zod';
import { type Context, useBackend } from '../context.ts';
import { openFeatures } from '../features.ts';
import { isStatistics, openImages } from '../image-set.ts';
import { progress } from '../progress.ts';
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
  const { out, features, weights, resize } = flags;
  if (await isStatistics(source)) {
    throw new InvalidArgumentError('path', `${source} holds statistics already: give images or a model`);
  }
  await useBackend(context, flags.backend);
  const images = await openImages(context, source, flags);
  const chosen = await openFeatures(context, images.shape, {
    weights,
    features: features ?? (weights === undefined ? 'pixels' : undefined),
    resize,
    wantsLogits: false,
  });
  const line = progress(context.stderr, 'images', images.count);
  try {
    const statistics = await collectStatistics(chosen.extractors[0]!, images.batches(line.at), {
      signal: context.signal,
    });
    await storing(out, () => saveStatistics(out, statistics));
    const { name, resize: resized } = statistics.source;
    const how = resized === null ? name : `${name} (${resized})`;
    context.stdout.write(`${out}: ${statistics.dimension} features, ${how}, of ${statistics.count} images\n`);
  } finally {
    line.end();
    chosen.dispose();
  }
}
