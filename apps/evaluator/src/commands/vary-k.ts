/** `vary-k`: the same chains run for fewer and more steps than learned with (Nijkamp et al. 2019, 7.6, Fig. 7). */
import { selectBackend } from '@srmcmc/backends';
import { InvalidArgumentError, MOST_STEPS } from '@srmcmc/core';
import { imageTable } from '@srmcmc/figures';
import { aligned } from '../aligned.ts';
import {
  type Context,
  defaultBatch,
  isOfPoints,
  POINTS_PRECISION,
  requireImageModel,
  useBackend,
} from '../context.ts';
import { openFeatures } from '../features.ts';
import { type Model, openModel } from '../model.ts';
import { withError } from '../moments/table.ts';
import { writePicture } from '../pictures/picture-file.ts';
import { variedStepsPlot } from '../pictures/varied-steps-plot.ts';
import { openReference, type Reference } from '../reference.ts';
import { type About, programOf, writeJson } from '../result.ts';
import { LEARNING_DEFAULTS, learnToy } from '../toys/learning.ts';
import { toyLearnedBy, toyNamed } from '../toys/subject.ts';
import { measureSteps, type StepsMeasured, type StepsRow } from '../varied-steps/measures.ts';
import { aboutChains, headOf, rowName, warnOfDiverged } from '../varied-steps/telling.ts';
import { digits } from '../words.ts';
import type { VaryKFlags } from './vary-k-flags.ts';
import { requireFlagsOfPoints, varyPoints } from './vary-k-points.ts';

type VaryImagesFlags = VaryKFlags & { readonly count: number };

/** Of the K of learning; the last is far into over-saturation. */
const FRACTIONS = [0.05, 0.25, 0.5, 1, 2, 5];

const DEFAULT_COUNT = 256;
const DEFAULT_IMAGES = 8;

/** For a model of images or points, or for the name of a toy, which is learned. */
export async function varyK(context: Context, path: string, flags: VaryKFlags): Promise<void> {
  const asked = flags.steps === undefined ? undefined : stepsIn(flags.steps);
  const stepsFor = ({ sampler }: Model): readonly number[] =>
    asked ?? [
      ...new Set(
        FRACTIONS.map((part) => Math.min(Math.max(1, Math.round(part * sampler.steps)), MOST_STEPS)),
      ),
    ];
  const ofPoints = { ...flags, precision: flags.precision === 'auto' ? POINTS_PRECISION : flags.precision };
  const named = toyNamed(path);
  if (named !== undefined) {
    requireFlagsOfPoints(flags);
    if (flags.reference !== undefined) {
      throw new InvalidArgumentError('reference', 'is for a model: a toy that is learned here is its own');
    }
    const program = programOf(await useBackend(context, ofPoints));
    const model = await learnToy(context, named, { ...LEARNING_DEFAULTS, seed: flags.seed });
    return varyPoints(context, { model, toy: named, steps: stepsFor(model), program }, flags);
  }
  // A model opens on a backend, and what it is of decides what its chains are computed in.
  await selectBackend(flags.backend);
  const model = await openModel(path);
  const program = programOf(await useBackend(context, isOfPoints(model) ? ofPoints : flags));
  for (const warning of model.warnings) context.stderr.write(`warning: ${warning}\n`);
  const varied = { model, steps: stepsFor(model), program };
  if (!isOfPoints(model)) return varyImages(context, varied, flags);
  requireFlagsOfPoints(flags);
  const toy = toyLearnedBy(model, 'reference', flags.reference);
  return varyPoints(context, { ...varied, toy }, flags);
}

/** Draws the picture and prints the numbers of each K; with `plot` it draws those too. */
async function varyImages(
  context: Context,
  { model, steps, program }: { model: Model; steps: readonly number[]; program: About },
  given: VaryKFlags,
): Promise<void> {
  const { count = DEFAULT_COUNT, images = DEFAULT_IMAGES } = given;
  const flags = { ...given, count };
  const { out, json, seed: number } = flags;
  const shape = requireImageModel(model);
  const learned = model.sampler.steps;
  const data = await referenceFor(context, model, flags);
  const { extractors, dispose } = await openFeatures(context, shape, { ...flags, wantsLogits: false });
  const measured = await measureSteps(context, model, {
    sampling: {
      ...{ steps, count, seed: number, noise: !flags.noiseOff, signal: context.signal },
      batch: flags.batch ?? defaultBatch(model),
    },
    images: Math.min(images, count),
    extractors,
    reference: data,
    measuring: { errors: flags.errors, infinity: false, seed: number },
  }).finally(dispose);
  warnOfDiverged(context, measured.rows, flags);

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
      ...aboutChains(model, program, flags),
      ...(data && { reference: { data: data.name, examples: data.count } }),
      ...numbers,
    });
  }
  if (json !== true) context.stdout.write(`${summary(model, data, flags)}\n${tableOf(measured, learned)}`);
}

/** In increasing order. @throws InvalidArgumentError for 0, for more than MOST_STEPS, and for a number twice. */
function stepsIn(text: string): number[] {
  const steps = text
    .split(',')
    .map(Number)
    .sort((a, b) => a - b);
  const isFine = steps.every((k, i) => k >= 1 && k <= MOST_STEPS && k !== steps[i - 1]);
  if (isFine) return steps;
  throw new InvalidArgumentError(
    'steps',
    `must be different numbers from 1 up to ${MOST_STEPS}, got ${text}`,
  );
}

/** Undefined, which is said on stderr, where neither the user nor the model names data. */
async function referenceFor(
  context: Context,
  model: Model,
  flags: VaryImagesFlags,
): Promise<Reference | undefined> {
  if (flags.reference === undefined && typeof model.config.data !== 'string') {
    context.stderr.write('no distances: the weights do not say what data they learned from: --reference\n');
    return undefined;
  }
  return openReference(context, model, { ...flags, sigma: 0 });
}

function summary(model: Model, data: Reference | undefined, flags: VaryImagesFlags): string {
  const compared =
    data === undefined
      ? ''
      : `, distances to ${data.count} of ${data.name}, those of data to ${data.count} others`;
  return `${headOf(flags.out, model, flags)}${compared}; ± one standard error`;
}

function tableOf({ rows, data, features: names, warnings }: StepsMeasured, learned: number): string {
  const header = ['K', 'mean |x|', 'outside [-1, 1]', "mean |f'|", "last |f'|", ...names];
  const line = (row: StepsRow): string[] => [
    rowName(row.steps, learned),
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
