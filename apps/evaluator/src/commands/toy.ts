/** `toy-1d` and `toy-2d`: what an energy learned by short-run MCMC is, and what its chains draw (Nijkamp et al. 2019, 7.7). */
import { DivergedError, InvalidArgumentError } from '@srmcmc/core';
import type { Toy } from '@srmcmc/datasets';
import { z } from 'zod';
import { aligned } from '../aligned.ts';
import { type Context, defaultBatch, openModelFor, POINTS_PRECISION, useBackend } from '../context.ts';
import { optionalFile } from '../flags.ts';
import type { Model } from '../model.ts';
import { writePicture } from '../pictures/picture-file.ts';
import { toyDensitiesPlot } from '../pictures/toy-densities-plot.ts';
import { progress } from '../progress.ts';
import { writeJson } from '../result.ts';
import { sampleBatches } from '../sampling.ts';
import {
  energyDensity,
  exactDraws,
  gridOf,
  MOST_POINTS,
  onGrid,
  temperatureOf,
  toyDensities,
  type ToyDensities,
  type ToyDensity,
} from '../toys/densities.ts';
import { LEARNER, LEARNING_DEFAULTS, type LearningSettings, learnToy } from '../toys/learning.ts';
import { toyLearnedBy, toyNamed, toyNames } from '../toys/subject.ts';
import { samplingFlags } from './sampling-flags.ts';

export const toyFlags = z.object({
  out: z
    .string()
    .regex(/\.(png|svg)$/i, 'must end in .png or .svg')
    .describe('picture to write, .png or .svg'),
  json: optionalFile('the numbers and the settings: to a file, or instead of the table'),
  truth: z.string().optional().describe('toy that a checkpoint learned; default: as its run says'),
  iterations: z.int().min(1).optional().describe('of learning; default: 6000'),
  steps: samplingFlags.steps.describe('K; default: 100, or as a checkpoint was learned with'),
  stepSize: z.number().positive().optional().describe('Δ of a step x + Δ²/2 f′(x) + Δ U; default: 0.05'),
  rate: z.number().positive().optional().describe("Adam's, annealed in the second half; default: 0.004"),
  count: z.int().min(2).max(MOST_POINTS).default(20_000).describe('samples, and exact draws beside them'),
  cells: z
    .int()
    .min(10)
    .max(2000)
    .optional()
    .describe('of the grid, along a side; default: 1000 on a line, 200 in the plane'),
  seed: samplingFlags.seed.describe('decides weights, data and all noise'),
  backend: samplingFlags.backend,
});

type ToyFlags = z.output<typeof toyFlags>;

/** The command for toys of a dimension: learns, draws the picture, and prints the numbers. */
export function toy(dimension: 1 | 2) {
  return async (context: Context, nameOrPath: string, flags: ToyFlags): Promise<void> => {
    const { out, count, seed, json } = flags;
    const { truth, model } = await truthAndModel(context, nameOrPath, dimension, flags);
    const temperature = temperatureOf(model.sampler);
    const steps = flags.steps ?? model.sampler.steps;
    const grid = gridOf(truth, flags.cells);
    const { signal } = context;
    const remedy = remedyFor(nameOrPath);
    const samples = await draw(context, model, { count, steps, seed }).catch((error: unknown) => {
      throw error instanceof DivergedError ? diverged('a sample is not finite', remedy, error) : error;
    });
    const inside = onGrid(grid, samples);
    if (inside < 2) {
      throw diverged(`${inside} of ${count} samples are within [${grid.low}, ${grid.high}]`, remedy);
    }
    const ebm = await energyDensity(model.energy, grid, { temperature, signal });
    const exact = exactDraws(truth, count, seed);
    const densities = await toyDensities(truth, grid, ebm, { samples, exact });
    await writePicture(out, await toyDensitiesPlot(truth.name, densities));

    const rows = rowsOf(densities);
    const { low, high, cells } = grid;
    const { outside, bandwidth } = densities.samples;
    if (json !== undefined) {
      await writeJson(context, json, {
        toy: truth.name,
        model: model.path,
        iteration: model.iteration,
        ...(toyNamed(nameOrPath) && { learning: { ...LEARNER, ...settingsOf(flags) } }),
        sampler: { ...model.sampler, steps },
        temperature,
        seed,
        count,
        grid: { low, high, cells },
        outside,
        bandwidth,
        densities: Object.fromEntries(
          rows.map(([name, { entropy, divergence, largest }]) => [name, { entropy, divergence, largest }]),
        ),
      });
    }
    if (json === true) return;
    context.stdout.write(
      `${out}: ${truth.name}, ${model.iteration} iterations, K = ${steps}, temperature ${short(temperature)}, ` +
        `${count} samples, seed ${seed}\n${tableOf(rows)}\n` +
        (outside === 0
          ? ''
          : `${outside} samples are outside the grid, [${low}, ${high}]${outside < count / 2 ? '' : `: ${remedy}`}\n`),
    );
  };
}

function diverged(found: string, remedy: string, cause?: unknown): DivergedError {
  return new DivergedError(`learning diverged: ${found}: ${remedy}`, { cause });
}

/** What helps where samples are not where the toy is. */
function remedyFor(nameOrPath: string): string {
  return toyNamed(nameOrPath) === undefined
    ? 'take an earlier checkpoint, or fewer --steps'
    : 'lower --rate or --step-size';
}

async function truthAndModel(
  context: Context,
  nameOrPath: string,
  dimension: 1 | 2,
  flags: ToyFlags,
): Promise<{ truth: Toy; model: Model }> {
  const named = toyNamed(nameOrPath);
  if (named !== undefined) {
    if (flags.truth !== undefined) {
      throw new InvalidArgumentError('truth', 'is for a checkpoint: a toy that is learned here is its own');
    }
    requireDimension(named, dimension);
    await useBackend(context, { backend: flags.backend, precision: POINTS_PRECISION });
    return {
      truth: named,
      model: await learnToy(context, named, { ...settingsOf(flags), seed: flags.seed }),
    };
  }
  const unused = (['iterations', 'stepSize', 'rate'] as const).find((field) => flags[field] !== undefined);
  if (unused !== undefined) {
    throw new InvalidArgumentError(
      unused,
      `is for learning, and ${nameOrPath} is no name of a toy: ${toyNames()}`,
    );
  }
  const model = await openModelFor(context, nameOrPath, {
    backend: flags.backend,
    precision: POINTS_PRECISION,
  });
  const truth = toyLearnedBy(model, 'truth', flags.truth);
  requireDimension(truth, dimension);
  return { truth, model };
}

function settingsOf({ iterations, steps, stepSize, rate }: ToyFlags): LearningSettings {
  return {
    iterations: iterations ?? LEARNING_DEFAULTS.iterations,
    steps: steps ?? LEARNING_DEFAULTS.steps,
    stepSize: stepSize ?? LEARNING_DEFAULTS.stepSize,
    rate: rate ?? LEARNING_DEFAULTS.rate,
  };
}

function requireDimension(one: Toy, dimension: 1 | 2): void {
  if (one.shape[0] === dimension) return;
  throw new InvalidArgumentError(
    'path',
    `${one.name} has ${one.shape[0]} ${one.shape[0] === 1 ? 'dimension' : 'dimensions'}: use toy-${one.shape[0]}d`,
  );
}

async function draw(
  context: Context,
  model: Model,
  options: { count: number; steps: number; seed: number },
): Promise<Float32Array> {
  const line = progress(context.stderr, 'samples', options.count);
  const stride = model.energy.eventShape[0]!;
  const samples = new Float32Array(options.count * stride);
  const batches = sampleBatches(model, {
    ...options,
    batch: defaultBatch(model),
    noise: true,
    signal: context.signal,
    onProgress: line.at,
  });
  try {
    for await (const { first, values } of batches) samples.set(values, first * stride);
  } finally {
    line.end();
  }
  return samples;
}

type Row = readonly [name: string, density: ToyDensity];

function rowsOf({ truth, ebm, samples, exactDraws }: ToyDensities): Row[] {
  return [
    ['truth', truth],
    ['EBM, exp(f / T) / Z', ebm],
    ['KDE of short-run samples', samples],
    ['KDE of as many exact draws', exactDraws],
  ];
}

function tableOf(rows: readonly Row[]): string {
  return aligned([
    ['', 'entropy', 'KL(truth ‖ ·)', 'largest density'],
    ...rows.map(([name, { entropy, divergence, largest }]) => [
      name,
      entropy.toFixed(4),
      divergence.toFixed(4),
      short(largest),
    ]),
  ]);
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}
