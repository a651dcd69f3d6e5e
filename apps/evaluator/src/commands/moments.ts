/** `moments`: samples of a model against data, with error bars, and data against data as the baseline. */
import { elements, InvalidArgumentError } from '@srmcmc/core';
import { z } from 'zod';
import { type Context, defaultBatch, openModelFor } from '../context.ts';
import { compareMoments, type Examples } from '../moments/comparison.ts';
import { comparisonTable } from '../moments/table.ts';
import { writePicture } from '../pictures/picture-file.ts';
import { spectrumPlot } from '../pictures/spectrum-plot.ts';
import { progress } from '../progress.ts';
import { FEWEST_EXAMPLES, openReference } from '../reference.ts';
import { type SampleBatch, sampleBatches } from '../sampling.ts';
import { folderFlags } from './folder-flags.ts';
import { samplingFlags } from './sampling-flags.ts';

const { crop, skipBad } = folderFlags;

export const momentsFlags = z.object({
  reference: z.string().optional().describe('data set or path; default: what the run learned from'),
  split: z.enum(['train', 'test']).optional().describe('of the data set; default: train'),
  crop,
  skipBad,
  count: z
    .int()
    .min(FEWEST_EXAMPLES)
    .default(1000)
    .describe('samples, and examples in each of two sets of data'),
  sigma: z
    .number()
    .min(0)
    .default(0)
    .describe('standard deviation of noise added to the data, as in learning'),
  ...samplingFlags,
  json: z.boolean().default(false).describe('JSON instead of a table'),
  plot: z
    .string()
    .regex(/\.(png|svg)$/i, 'must end in .png or .svg')
    .optional()
    .describe('draw the power spectra of images: .png or .svg'),
});

export type MomentsFlags = z.output<typeof momentsFlags>;

/** Prints the comparison; with `plot` it draws the power spectra too. */
export async function moments(context: Context, path: string, flags: MomentsFlags): Promise<void> {
  const model = await openModelFor(context, path, flags);
  const { count, seed, sigma, noiseOff, plot } = flags;
  const shape = model.energy.eventShape;
  if (plot !== undefined && shape.length === 1) {
    throw new InvalidArgumentError('plot', 'points have no power spectrum: see `samples` for their picture');
  }
  const reference = await openReference(context, model, flags);
  const steps = flags.steps ?? model.sampler.steps;
  const line = progress(context.stderr, 'samples', count);
  const batches = sampleBatches(model, {
    count,
    steps,
    seed,
    batch: flags.batch ?? defaultBatch(model),
    noise: !noiseOff,
    signal: context.signal,
    onProgress: line.at,
  });
  const comparison = await compareMoments(shape, {
    samples: oneByOne(batches, elements(shape)),
    data: reported(context, 'examples of data', reference.count, reference.data),
    otherData: reported(context, 'examples of other data', reference.count, reference.otherData),
  }).finally(line.end);

  const about = {
    model: model.path,
    ...(model.iteration !== undefined && { iteration: model.iteration }),
    steps,
    seed,
    noise: !noiseOff,
    reference: reference.name,
    sigma,
  };
  if (plot !== undefined) {
    const title = `Power spectrum: ${count} samples (K = ${steps}) and ${reference.name}`;
    await writePicture(plot, spectrumPlot(comparison, title));
  }
  context.stdout.write(
    flags.json
      ? `${JSON.stringify({ ...about, ...comparison }, null, 2)}\n`
      : comparisonTable(comparison, about),
  );
}

async function* oneByOne(batches: AsyncIterable<SampleBatch>, stride: number): Examples {
  for await (const { count, values } of batches) {
    for (let i = 0; i < count; i++) yield values.subarray(i * stride, (i + 1) * stride);
  }
}

/** The same examples; says how far they are, and heeds the signal. */
async function* reported(context: Context, noun: string, total: number, examples: Examples): Examples {
  const line = progress(context.stderr, noun, total);
  let done = 0;
  try {
    for await (const example of examples) {
      context.signal.throwIfAborted();
      yield example;
      line.at(++done);
    }
  } finally {
    line.end();
  }
}
