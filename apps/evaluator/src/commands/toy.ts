/** `toy-1d` and `toy-2d`: what an energy learned by short-run MCMC is, and what its chains draw (Nijkamp et al. 2019, 7.7). */
import { foldIn, InvalidArgumentError, InvalidShapeError, key as keyOf } from '@srmcmc/core';
import { type Toy, toys } from '@srmcmc/datasets';
import { z } from 'zod';
import { aligned } from '../aligned.ts';
import { type Context, defaultBatch, openModelFor, useBackend } from '../context.ts';
import { optionalFile } from '../flags.ts';
import type { Model } from '../model.ts';
import { writePicture } from '../pictures/picture-file.ts';
import { toyDensitiesPlot } from '../pictures/toy-densities-plot.ts';
import { progress } from '../progress.ts';
import { writeJson } from '../result.ts';
import { sampleBatches } from '../sampling.ts';
import {
  energyDensity,
  extentOf,
  gridOf,
  temperatureOf,
  toyDensities,
  type ToyDensities,
  type ToyDensity,
} from '../toys/densities.ts';
import { LEARNER, learnToy } from '../toys/learning.ts';
import { samplingFlags } from './sampling-flags.ts';

export const toyFlags = z.object({
  out: z
    .string()
    .regex(/\.(png|svg)$/i, 'must end in .png or .svg')
    .describe('picture to write, .png or .svg'),
  json: optionalFile('the numbers and the settings: to a file, or instead of the table'),
  truth: z.string().optional().describe('toy that a checkpoint learned; default: as its run says'),
  iterations: z.int().min(1).optional().describe('of learning; default: 6000'),
  steps: z.int().min(1).optional().describe('K; default: 50, or as a checkpoint was learned with'),
  stepSize: z.number().positive().optional().describe('Δ of a step x + Δ²/2 f′(x) + Δ U; default: 0.1'),
  rate: z.number().positive().optional().describe("Adam's, annealed in the second half; default: 0.003"),
  count: z.int().min(2).default(20_000).describe('samples, and exact draws beside them'),
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

const DEFAULTS = { iterations: 6000, steps: 50, stepSize: 0.1, rate: 0.003 };
const CELLS = { 1: 1000, 2: 200 } as const;
/** Smooth densities show the rounding of lower ones, and points are quick. */
const PRECISION = 'float32';
/** Folded into the key of the seed; learning and samples use its splits. */
const EXACT_KEY = 3;

/** The command for toys of a dimension: learns, draws the picture, and prints the numbers. */
export function toy(dimension: 1 | 2) {
  return async (context: Context, nameOrPath: string, flags: ToyFlags): Promise<void> => {
    const { out, count, seed, json } = flags;
    const { truth, model } = await truthAndModel(context, nameOrPath, dimension, flags);
    const temperature = temperatureOf(model.sampler);
    const steps = flags.steps ?? model.sampler.steps;
    const grid = gridOf(truth, flags.cells ?? CELLS[dimension]);
    const { signal } = context;
    const ebm = await energyDensity(model.energy, grid, { temperature, signal });
    const samples = await draw(context, model, { count, steps, seed });
    const exact = truth.sample(foldIn(keyOf(seed), EXACT_KEY), count);
    const densities = await toyDensities(truth, grid, ebm, { samples, exact });
    await writePicture(out, await toyDensitiesPlot(truth.name, densities));

    const rows = rowsOf(densities);
    const { low, high, cells } = grid;
    if (json !== undefined) {
      await writeJson(context, json, {
        toy: truth.name,
        model: model.path,
        iteration: model.iteration,
        ...(nameOrPath in toys && { learning: { ...LEARNER, ...settingsOf(flags) } }),
        sampler: { ...model.sampler, steps },
        temperature,
        seed,
        count,
        grid: { low, high, cells },
        outside: densities.samples.outside,
        bandwidth: densities.samples.bandwidth,
        densities: Object.fromEntries(
          rows.map(([name, { entropy, divergence, largest }]) => [name, { entropy, divergence, largest }]),
        ),
      });
    }
    if (json === true) return;
    context.stdout.write(
      `${out}: ${truth.name}, ${model.iteration} iterations, K = ${steps}, temperature ${short(temperature)}, ` +
        `${count} samples, seed ${seed}\n${tableOf(rows)}\n` +
        (densities.samples.outside === 0
          ? ''
          : `${densities.samples.outside} samples are outside the grid, [${low}, ${high}]\n`),
    );
  };
}

async function truthAndModel(
  context: Context,
  nameOrPath: string,
  dimension: 1 | 2,
  flags: ToyFlags,
): Promise<{ truth: Toy; model: Model }> {
  if (Object.hasOwn(toys, nameOrPath)) {
    if (flags.truth !== undefined) {
      throw new InvalidArgumentError('truth', 'is for a checkpoint: a toy that is learned here is its own');
    }
    const truth = requireDimension(toys[nameOrPath]!(), dimension);
    await useBackend(context, { backend: flags.backend, precision: PRECISION });
    const settings = { ...settingsOf(flags), extent: extentOf(truth), seed: flags.seed };
    return { truth, model: await learnToy(context, truth, settings) };
  }
  const unused = (['iterations', 'stepSize', 'rate'] as const).find((field) => flags[field] !== undefined);
  if (unused !== undefined) {
    throw new InvalidArgumentError(
      unused,
      `is for learning, and ${nameOrPath} is no name of a toy: ${names()}`,
    );
  }
  const model = await openModelFor(context, nameOrPath, {
    backend: flags.backend,
    precision: PRECISION,
  });
  const name = flags.truth ?? model.config.data;
  if (typeof name !== 'string' || !Object.hasOwn(toys, name)) {
    throw new InvalidArgumentError(
      'truth',
      `must be the toy that was learned, one of ${names()}; got ${String(name)}`,
    );
  }
  const truth = requireDimension(toys[name]!(), dimension);
  if (model.energy.eventShape.join() !== truth.shape.join()) {
    throw new InvalidShapeError(nameOrPath, truth.shape, model.energy.eventShape);
  }
  return { truth, model };
}

function settingsOf({ iterations, steps, stepSize, rate }: ToyFlags): typeof DEFAULTS {
  return {
    iterations: iterations ?? DEFAULTS.iterations,
    steps: steps ?? DEFAULTS.steps,
    stepSize: stepSize ?? DEFAULTS.stepSize,
    rate: rate ?? DEFAULTS.rate,
  };
}

function requireDimension(one: Toy, dimension: 1 | 2): Toy {
  if (one.shape[0] === dimension) return one;
  throw new InvalidArgumentError('dimension', `${one.name} has ${one.shape[0]}: use toy-${one.shape[0]}d`);
}

function names(): string {
  return Object.keys(toys).join(', ');
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
