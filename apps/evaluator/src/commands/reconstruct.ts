/** `reconstruct`: held-out images and what a model makes nearest to them (Nijkamp et al. 2019, Fig. 4, Table 1b). */
import {
  type Dataset,
  elements,
  foldIn,
  InvalidArgumentError,
  InvalidShapeError,
  key as keyOf,
  type Key,
  permutation,
  shortRun,
  split as splitKey,
} from '@srmcmc/core';
import { type GridShape, ImageGrid } from '@srmcmc/figures';
import {
  adam,
  type DescentMethod,
  gradientDescent,
  lbfgs,
  reconstruct as findLatents,
  type Reconstruction,
} from '@srmcmc/reconstruction';
import { tensor } from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { type Context, openModelFor, requireImageModel } from '../context.ts';
import type { Model } from '../model.ts';
import { writeOutputFile } from '../output-file.ts';
import { writeImageGrid } from '../pictures/image-grid-file.ts';
import { toBytes, toValues } from '../pixels.ts';
import { progress } from '../progress.ts';
import { openModelData } from '../reference.ts';
import { folderFlags } from './folder-flags.ts';
import { samplingFlags } from './sampling-flags.ts';

const METHODS = ['gradient-descent', 'momentum', 'adam', 'lbfgs'] as const;
// The step noise is off: x = M(z).
const { steps, seed, backend, precision } = samplingFlags;
const { crop, skipBad } = folderFlags;

export const reconstructFlags = z.object({
  out: z
    .string()
    .regex(/\.png$/i, 'must end in .png')
    .describe('picture to write, .png'),
  data: z.string().optional().describe('data set or path; default: what the run learned from'),
  split: z.enum(['train', 'test']).optional().describe('of the data set; default: test, where there is one'),
  crop,
  skipBad,
  count: z.int().min(1).default(8).describe('images, a random choice'),
  iterations: z.int().min(1).default(100).describe('steps of a descent'),
  method: z.enum(METHODS).default('adam').describe('how the latent is found'),
  rate: z
    .number()
    .positive()
    .optional()
    .describe('step size; default: 0.05 for adam, 0.1 for gradient-descent'),
  restarts: z.int().min(1).default(1).describe('descents for each image, of which the best is kept'),
  jacobian: z
    .enum(['exact', 'identity'])
    .default('exact')
    .describe('of M in z; identity: fast, and equal for a net of leaky ReLUs'),
  steps,
  seed,
  backend,
  precision,
  json: z.string().optional().describe('file to write the errors and the losses of every iteration to'),
});

type ReconstructFlags = z.output<typeof reconstructFlags>;

/** Images a row of the picture. */
const MOST_COLUMNS = 10;
const MOMENTUM = 0.9;
/** Of data whose name says no split. */
const NO_SPLIT = 'no split';
/** Folded into the key of the seed; samples use its splits. */
const RECONSTRUCTION_KEY = 3;

/** Draws the picture, prints the mean squared error, and with `json` writes how the losses fell. */
export async function reconstruct(context: Context, path: string, flags: ReconstructFlags): Promise<void> {
  const { count, iterations, restarts, jacobian } = flags;
  const method = methodOf(flags);
  const model = await openModelFor(context, path, flags);
  const shape = requireImageModel(model);
  const [choiceKey, startKey] = splitKey(foldIn(keyOf(flags.seed), RECONSTRUCTION_KEY)) as [Key, Key];
  const data = await heldOut(context, model, flags);
  if (data.dataset.size < count) {
    throw new InvalidArgumentError(
      'count',
      `${data.dataset.name} has ${data.dataset.size} images, got ${count}`,
    );
  }
  const indices = permutation(choiceKey, data.dataset.size).subarray(0, count);
  const originals = toValues(await data.dataset.gather(indices));
  const grid = pictureOf(shape, count);

  const k = flags.steps ?? model.sampler.steps;
  const generator = shortRun({ ...model, steps: k, jacobian });
  const observed = tensor(originals, [count, ...shape]);
  const line = progress(context.stderr, 'iterations', restarts * iterations);
  let found: Reconstruction;
  try {
    found = await findLatents(generator, observed, {
      key: startKey,
      method,
      iterations,
      restarts,
      signal: context.signal,
      onProgress: ({ restart, iteration }) => line.at(restart * iterations + iteration),
    });
  } finally {
    line.end();
    observed.dispose();
  }
  const { z: latents, x, meanSquaredError, history } = found;
  warnOfDescent(context, found, flags);
  const images = (await x.data()) as Float32Array;
  for (const owned of [latents, x]) owned.dispose();

  await writeImageGrid(
    flags.out,
    grid,
    pairs(originals, images, count),
    2 * rowsOf(count) * columnsOf(count),
  );
  const about = {
    model: model.path,
    ...(model.iteration !== undefined && { iteration: model.iteration }),
    data: data.dataset.name,
    split: data.split,
    images: count,
    steps: k,
    method: method.name,
    iterations,
    restarts,
    jacobian,
    seed: flags.seed,
  };
  const error = meanAndError(meanSquaredError);
  if (flags.json !== undefined) {
    const perElement = history.map((losses) => losses.map((loss) => loss / elements(shape)));
    const fields = { ...about, ...error, indices: [...indices], meanSquaredErrors: meanSquaredError };
    const text = `${JSON.stringify({ ...fields, history: perElement }, null, 2)}\n`;
    await writeOutputFile(flags.json, (append) => append(Buffer.from(text)));
  }
  const before = meanAndError(history[0]!.map((loss) => loss / elements(shape)));
  context.stdout.write(
    `${flags.out}: ${count} images of ${about.data}${data.split === NO_SPLIT ? `, ${NO_SPLIT}` : ''}, K = ${k}, no noise, ${about.method}, ` +
      `${iterations} iterations, ${restarts} ${restarts === 1 ? 'start' : 'starts'}, ${jacobian} Jacobian, ` +
      `seed ${flags.seed}\nmean squared error an element, of [-1, 1]: ${report(error)}, from ${report(before)} at the start\n`,
  );
}

/** A descent that ends above its start took steps that are too long. */
function warnOfDescent(
  { stderr }: Context,
  { loss, history }: Reconstruction,
  { rate }: ReconstructFlags,
): void {
  const worse = loss.filter((last, i) => !(last <= history[0]![i]!)).length;
  if (worse === 0) return;
  const lower = rate === undefined ? 'give a --rate below the default' : `lower --rate, ${rate}`;
  stderr.write(
    `warning: descent diverged: ${worse} of ${loss.length} images end with a larger error than they began with: ${lower}\n`,
  );
}

function methodOf({ method, rate }: ReconstructFlags): DescentMethod {
  const step = rate === undefined ? {} : { rate };
  switch (method) {
    case 'adam':
      return adam(step) as unknown as DescentMethod;
    case 'gradient-descent':
      return gradientDescent(step) as unknown as DescentMethod;
    case 'momentum':
      return gradientDescent({ ...step, momentum: MOMENTUM }) as unknown as DescentMethod;
    case 'lbfgs':
      if (rate !== undefined) throw new InvalidArgumentError('rate', 'lbfgs finds its own step sizes');
      return lbfgs() as unknown as DescentMethod;
  }
}

/** The test split, or what there is. */
async function heldOut(
  context: Context,
  model: Model,
  flags: ReconstructFlags,
): Promise<{ dataset: Dataset; split: string }> {
  const open = async (chosen: 'train' | 'test'): Promise<Dataset> => {
    const dataset = await openModelData(context, model, 'data', { ...flags, split: chosen });
    const { eventShape } = model.energy;
    if (dataset.shape.join() !== eventShape.join()) {
      throw new InvalidShapeError(`data ${dataset.name}`, eventShape, dataset.shape);
    }
    return dataset;
  };
  const { split } = flags;
  try {
    return { dataset: await open(split ?? 'test'), split: split ?? 'test' };
  } catch (error) {
    const isUnsplit = error instanceof InvalidArgumentError && error.field === 'split' && split === undefined;
    if (!isUnsplit) throw error;
    const dataset = await open('train');
    context.stderr.write(
      `warning: ${dataset.name} has no test split: its images are held out only if the model did not learn from them\n`,
    );
    return { dataset, split: NO_SPLIT };
  }
}

function columnsOf(count: number): number {
  return Math.min(count, MOST_COLUMNS);
}

function rowsOf(count: number): number {
  return Math.ceil(count / MOST_COLUMNS);
}

function pictureOf(shape: GridShape, count: number): ImageGrid {
  return new ImageGrid(shape, 2 * rowsOf(count) * columnsOf(count), columnsOf(count));
}

/** Bytes of a row of originals, below it their reconstructions, and so on; places that are left over are white. */
function pairs(originals: Float32Array, images: Float32Array, count: number): Uint8Array {
  const stride = originals.length / count;
  const columns = columnsOf(count);
  const bytes = new Uint8Array(2 * rowsOf(count) * columns * stride).fill(255);
  for (let first = 0; first < count; first += columns) {
    const end = Math.min(first + columns, count) * stride;
    bytes.set(toBytes(originals.subarray(first * stride, end)), 2 * first * stride);
    bytes.set(toBytes(images.subarray(first * stride, end)), (2 * first + columns) * stride);
  }
  return bytes;
}

interface MeanAndError {
  readonly meanSquaredError: number;
  /** Absent for one image. */
  readonly standardError?: number;
}

function meanAndError(values: readonly number[]): MeanAndError {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n === 1) return { meanSquaredError: mean };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { meanSquaredError: mean, standardError: Math.sqrt(squares / (n - 1) / n) };
}

function report({ meanSquaredError, standardError }: MeanAndError): string {
  const digits = (value: number): string => String(Number(value.toPrecision(4)));
  return standardError === undefined
    ? digits(meanSquaredError)
    : `${digits(meanSquaredError)} ± ${digits(standardError)}`;
}
