/** `samples`: draws from a model into a picture or an array. */
import { extname } from 'node:path';
import { elements, InvalidArgumentError } from '@srmcmc/core';
import { type GridShape, ImageGrid } from '@srmcmc/figures';
import { z } from 'zod';
import { type Context, defaultBatch, openModelFor } from '../context.ts';
import type { Model } from '../model.ts';
import { elementBytes, npyHeader } from '../npy.ts';
import { requireSpace, writeOutputFile } from '../output-file.ts';
import { writePicture } from '../pictures/picture-file.ts';
import { MOST_SAMPLES, pointsPlot } from '../pictures/points-plot.ts';
import { toBytes } from '../pixels.ts';
import { progress } from '../progress.ts';
import { type SampleBatch, sampleBatches } from '../sampling.ts';
import { samplingFlags } from './sampling-flags.ts';

export const samplesFlags = z.object({
  out: z
    .string()
    .regex(/\.(png|svg|npy)$/i, 'must end in .png, .npy or, for points, .svg')
    .describe('file to write: .npy, or a picture: .png, for points also .svg'),
  count: z.int().min(1).default(64).describe('samples'),
  ...samplingFlags,
  columns: z
    .int()
    .min(1)
    .optional()
    .describe('images a row; default: such that rows are full, near a square'),
  uint8: z.boolean().default(false).describe('bytes 0 .. 255 in the .npy file instead of floats in [-1, 1]'),
});

export type SamplesFlags = z.output<typeof samplesFlags>;

/** Writes what the flags ask for; the file appears under its name when it is whole. */
export async function samples(context: Context, path: string, flags: SamplesFlags): Promise<void> {
  requireFitting(flags);
  const model = await openModelFor(context, path, flags);
  const { count, seed, out, noiseOff } = flags;
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
  try {
    await writerFor(model, flags, titleOf(model, steps, noiseOff))(batches);
  } finally {
    line.end();
  }
  context.stdout.write(
    `${out}: ${count} samples, K = ${steps}, seed ${seed}${noiseOff ? ', no noise' : ''}\n`,
  );
}

type Writer = (batches: AsyncIterable<SampleBatch>) => Promise<void>;

function requireFitting({ out, columns, uint8 }: SamplesFlags): void {
  const isArray = extname(out).toLowerCase() === '.npy';
  if (uint8 && !isArray) throw new InvalidArgumentError('uint8', 'is for a .npy file');
  if (columns !== undefined && isArray) throw new InvalidArgumentError('columns', 'is for a picture');
}

function writerFor(model: Model, flags: SamplesFlags, title: string): Writer {
  const { out, count, columns } = flags;
  const { eventShape } = model.energy;
  const extension = extname(out).toLowerCase();
  if (extension === '.npy') return (batches) => writeArray(flags, eventShape, batches);
  if (eventShape.length === 1) {
    if (count > MOST_SAMPLES) {
      throw new InvalidArgumentError(
        'count',
        `at most ${MOST_SAMPLES} points make a picture: choose a .npy file`,
      );
    }
    return async (batches) => {
      const points = new Float32Array(count * eventShape[0]!);
      for await (const { first, values } of batches) points.set(values, first * eventShape[0]!);
      await writePicture(out, pointsPlot(points, eventShape[0]!, title));
    };
  }
  if (extension === '.svg')
    throw new InvalidArgumentError('out', 'a picture of images is .png: choose that name');
  const grid = new ImageGrid(eventShape as GridShape, count, columns);
  return async (batches) => {
    for await (const { first, count: size, values } of batches) {
      const bytes = toBytes(values);
      const stride = bytes.length / size;
      for (let i = 0; i < size; i++) grid.place(first + i, bytes.subarray(i * stride, (i + 1) * stride));
    }
    const png = await grid.png();
    await writeOutputFile(out, (append) => append(png));
  };
}

/** Batch after batch goes to the disk, so that memory does not grow with their number. */
async function writeArray(
  { out, count, uint8 }: SamplesFlags,
  eventShape: readonly number[],
  batches: AsyncIterable<SampleBatch>,
): Promise<void> {
  const itemSize = uint8 ? Uint8Array.BYTES_PER_ELEMENT : Float32Array.BYTES_PER_ELEMENT;
  await requireSpace(out, count, elements(eventShape) * itemSize);
  return writeOutputFile(out, async (append) => {
    await append(npyHeader(uint8 ? 'uint8' : 'float32', [count, ...eventShape]));
    for await (const { values } of batches) await append(elementBytes(uint8 ? toBytes(values) : values));
  });
}

function titleOf({ iteration }: Model, steps: number, noiseOff: boolean): string {
  const learned = iteration === undefined ? '' : `, after ${iteration} iterations`;
  return `short-run samples, K = ${steps}${noiseOff ? ', no noise' : ''}${learned}`;
}
