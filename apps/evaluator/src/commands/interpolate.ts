/** `interpolate`: images along paths between latents, and how evenly they change (Nijkamp et al. 2019, Fig. 3). */
import { foldIn, InvalidArgumentError, key as keyOf, type Key, split } from '@srmcmc/core';
import { type GridShape, ImageGrid, requireImageGrid } from '@srmcmc/figures';
import { type Curve, grid, path as pathBetween, type Smoothness, smoothness } from '@srmcmc/interpolation';
import { tensor, type Tensor } from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { type Context, defaultBatch, openModelFor, requireImageModel } from '../context.ts';
import type { Model } from '../model.ts';
import { writeImageGrid } from '../pictures/image-grid-file.ts';
import { toBytes } from '../pixels.ts';
import { progress } from '../progress.ts';
import { samplesFrom } from '../sampling.ts';
import { samplingFlags } from './sampling-flags.ts';

// The step noise is always off: with it, images would differ along a path for another reason than the latent.
const { steps, seed, batch, backend, precision } = samplingFlags;

export const interpolateFlags = z.object({
  out: z
    .string()
    .regex(/\.png$/i, 'must end in .png')
    .describe('picture to write, .png'),
  rows: z.int().min(1).default(6).describe('paths, one a row'),
  columns: z.int().min(2).default(10).describe('images of a path, both ends among them'),
  curve: z
    .enum(['variance-preserving', 'spherical', 'linear'])
    .default('variance-preserving')
    .describe('between two latents'),
  grid: z.boolean().default(false).describe('one square between four latents instead of paths'),
  steps,
  seed,
  batch,
  backend,
  precision,
});

type InterpolateFlags = z.output<typeof interpolateFlags>;

/** Folded into the key of the seed; samples use its splits. */
const PATH_KEY = 2;

/** Draws the picture and prints the smoothness of its rows. */
export async function interpolate(context: Context, path: string, flags: InterpolateFlags): Promise<void> {
  const { out, rows, columns, curve } = flags;
  if (flags.grid && rows < 2)
    throw new InvalidArgumentError('rows', 'a square between four latents has two or more');
  const model = await openModelFor(context, path, flags);
  const shape = requireImageModel(model);
  const count = rows * columns;
  requireImageGrid('rows', shape, count, columns);
  const picture = new ImageGrid(shape, count, columns);
  const latents = latentsOf(model, flags);
  const line = progress(context.stderr, 'images', count);
  const values = await samplesFrom(model, latents, {
    steps: flags.steps ?? model.sampler.steps,
    batch: flags.batch ?? defaultBatch(model),
    signal: context.signal,
    onProgress: line.at,
  }).finally(() => {
    line.end();
    latents.dispose();
  });
  await writeImageGrid(out, picture, toBytes(values), count);
  const k = flags.steps ?? model.sampler.steps;
  context.stdout.write(
    `${out}: ${flags.grid ? 'a square of' : `${rows} paths of`} ${flags.grid ? `${rows} × ${columns}` : columns} images, ` +
      `${curve}, K = ${k}, no noise, seed ${flags.seed}\n${report(await changes(values, shape, count, columns))}`,
  );
}

/** Ends of path i, and corners, are functions of the seed and i. */
function latentsOf(
  { initial }: Model,
  { rows, columns, curve, seed: number, grid: square }: InterpolateFlags,
): Tensor {
  const [fromKey, toKey] = split(foldIn(keyOf(number), PATH_KEY)) as [Key, Key];
  const from = initial.sample(fromKey, square ? 4 : rows);
  const to = square ? undefined : initial.sample(toKey, rows);
  const options: { curve: Curve } = { curve };
  try {
    return to === undefined
      ? grid(from, { ...options, rows, columns })
      : pathBetween(from, to, { ...options, points: columns });
  } finally {
    from.dispose();
    to?.dispose();
  }
}

async function changes(
  values: Float32Array,
  shape: GridShape,
  count: number,
  columns: number,
): Promise<Smoothness> {
  const x = tensor(values, [count, ...shape]);
  try {
    return await smoothness(x, columns);
  } finally {
    x.dispose();
  }
}

function report({ distances, length, unevenness }: Smoothness): string {
  const steps = distances.flat();
  const [least, most] = [Math.min(...steps), Math.max(...steps)];
  return (
    `a row's length: ${digits(length)} (Euclidean, of pixels in [-1, 1]), a step from ${digits(least)} to ${digits(most)}\n` +
    `unevenness: ${digits(unevenness)} (largest step over mean step: 1 is even, ${distances[0]!.length} one jump)\n`
  );
}

function digits(value: number): string {
  return String(Number(value.toPrecision(4)));
}
