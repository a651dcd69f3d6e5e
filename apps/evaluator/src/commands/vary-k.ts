/** `vary-k`: the same chains run for fewer and more steps than learned with (Nijkamp et al. 2019, 7.6, Fig. 7). */
import { InvalidArgumentError } from '@srmcmc/core';
import { imageTable } from '@srmcmc/figures';
import { z } from 'zod';
import { aligned } from '../aligned.ts';
import { type Context, defaultBatch, requireImageModel, useBackend } from '../context.ts';
import { openFeatures } from '../features.ts';
import { optionalFile } from '../flags.ts';
import { type Model, openModel } from '../model.ts';
import { withError } from '../moments/table.ts';
import { writePicture } from '../pictures/picture-file.ts';
import { variedStepsPlot } from '../pictures/varied-steps-plot.ts';
import { FEWEST_EXAMPLES, openReference, type Reference } from '../reference.ts';
import { programOf, writeJson } from '../result.ts';
import { measureSteps, type StepsMeasured, type StepsRow } from '../varied-steps/measures.ts';
import { digits } from '../words.ts';
import { comparisonFlags } from './feature-flags.ts';
import { momentsFlags } from './moments.ts';

const picture = (what: string) =>
  z
    .string()
    .regex(/\.(png|svg)$/i, 'must end in .png or .svg')
    .describe(what);
const { features, weights, weightsHash, resize, inceptionPrecision, errors } = comparisonFlags;
const { seed, noiseOff, batch, backend, precision } = comparisonFlags;
const { reference, split, crop } = momentsFlags.shape;

export const varyKFlags = z.object({
  out: picture('picture to write, .png or .svg: a row of images for each K'),
  steps: z
    .string()
    .regex(/^\d+(,\d+)*$/, 'must be numbers of steps with commas between them, such as 5,25,100,200')
    .optional()
    .describe('each K; default: 1/20, 1/4, 1/2, 1, 2 and 5 times that of learning'),
  images: z.int().min(1).default(8).describe('in a row of the picture'),
  count: z
    .int()
    .min(FEWEST_EXAMPLES)
    .default(256)
    .describe('chains that the numbers are of, and examples in each of two sets of data'),
  plot: picture('draw the numbers against K: .png or .svg').optional(),
  json: optionalFile('the numbers with all that they depend on: to a file, or instead of the table'),
  reference,
  split,
  crop,
  features,
  weights,
  weightsHash,
  resize,
  inceptionPrecision,
  errors,
  seed,
  noiseOff,
  batch,
  backend,
  precision,
});

type VaryKFlags = z.output<typeof varyKFlags>;

/** Of the K of learning; the last is far into over-saturation. */
const FRACTIONS = [0.05, 0.25, 0.5, 1, 2, 5];

/** Draws the picture and prints the numbers of each K; with `plot` it draws those too. */
export async function varyK(context: Context, path: string, flags: VaryKFlags): Promise<void> {
  const { out, count, json, seed: number } = flags;
  const asked = flags.steps === undefined ? undefined : stepsIn(flags.steps);
  const program = programOf(await useBackend(context, flags));
  const model = await openModel(path);
  for (const warning of model.warnings) context.stderr.write(`warning: ${warning}\n`);
  const shape = requireImageModel(model);
  const learned = model.sampler.steps;
  const steps = asked ?? [...new Set(FRACTIONS.map((part) => Math.max(1, Math.round(part * learned))))];
  const data = await referenceFor(context, model, flags);
  const { extractors, dispose } = await openFeatures(context, shape, { ...flags, wantsLogits: false });
  const measured = await measureSteps(context, model, {
    sampling: {
      ...{ steps, count, seed: number, noise: !flags.noiseOff, signal: context.signal },
      batch: flags.batch ?? defaultBatch(model),
    },
    images: Math.min(flags.images, count),
    extractors,
    reference: data,
    measuring: { errors: flags.errors, infinity: false, seed: number },
  }).finally(dispose);
  for (const { steps: k, diverged } of measured.rows) {
    if (diverged === 0) continue;
    context.stderr.write(`warning: ${diverged} of ${count} chains are not finite after ${k} steps\n`);
  }

  const rows = measured.rows.map(({ steps: k }, i) => ({
    label: `K = ${k}`,
    ...(k === learned && { note: 'as learned', marked: true }),
    images: measured.images[i]!,
  }));
  const title = `The same ${flags.noiseOff ? 'latents without noise' : 'latents and noise'} after K steps, seed ${number}`;
  await writePicture(out, await imageTable({ title, shape, rows }));
  if (flags.plot !== undefined) await writePicture(flags.plot, variedStepsPlot(measured, learned));
  if (json !== undefined) {
    const { images: _, ...numbers } = measured;
    await writeJson(context, json, {
      program,
      model: model.path,
      iteration: model.iteration,
      sampler: model.sampler,
      chains: count,
      seed: number,
      noise: !flags.noiseOff,
      ...(data && { reference: { data: data.name, examples: data.count } }),
      ...numbers,
    });
  }
  if (json !== true) context.stdout.write(`${summary(model, data, flags)}\n${tableOf(measured, learned)}`);
}

/** In increasing order. @throws InvalidArgumentError for 0, and for a number twice. */
function stepsIn(text: string): number[] {
  const steps = text
    .split(',')
    .map(Number)
    .sort((a, b) => a - b);
  const isFine = steps.every((k, i) => k >= 1 && Number.isSafeInteger(k) && k !== steps[i - 1]);
  if (isFine) return steps;
  throw new InvalidArgumentError('steps', `must be different numbers from 1 up, got ${text}`);
}

/** Undefined, which is said on stderr, where neither the user nor the model names data. */
async function referenceFor(
  context: Context,
  model: Model,
  { reference: name, split: part, crop: side, count, seed: number }: VaryKFlags,
): Promise<Reference | undefined> {
  if (name === undefined && typeof model.config.data !== 'string') {
    context.stderr.write('no distances: the weights do not say what data they learned from: --reference\n');
    return undefined;
  }
  return openReference(model, { reference: name, split: part, crop: side, count, sigma: 0, seed: number });
}

function summary(
  { path, iteration, sampler }: Model,
  data: Reference | undefined,
  { out, count, seed: number, noiseOff: isQuiet }: VaryKFlags,
): string {
  const iterations = iteration === undefined ? '' : `, ${iteration} iterations`;
  const compared =
    data === undefined
      ? ''
      : `, distances to ${data.count} of ${data.name}, those of data to ${data.count} others`;
  return (
    `${out}: ${path}${iterations}, learned with K = ${sampler.steps}\n` +
    `${count} chains, seed ${number}${isQuiet ? ', no noise' : ''}${compared}; ± one standard error`
  );
}

function tableOf({ rows, data, features: names, warnings }: StepsMeasured, learned: number): string {
  const header = ['K', 'mean |x|', 'outside [-1, 1]', "mean |f'|", "last |f'|", ...names];
  const line = (row: StepsRow): string[] => [
    row.steps === learned ? `${row.steps}, as learned` : String(row.steps),
    row.magnitude === null ? 'not finite' : withError(row.magnitude),
    row.outside === null ? '' : `${(100 * row.outside).toFixed(2)} %`,
    digits(row.gradientNorm),
    digits(row.lastGradientNorm),
    ...names.map((_, i) => (row.distances[i] === undefined ? '' : withError(row.distances[i]))),
  ];
  const ofData =
    data === undefined
      ? []
      : [['data', withError(data.magnitude), '', '', '', ...data.distances.map(withError)]];
  const table = aligned([header, ...rows.map(line), ...ofData]);
  return `${[table, ...warnings.map((warning) => `warning: ${warning}`)].join('\n')}\n`;
}
