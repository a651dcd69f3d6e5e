/** `vary-k` for points: the density of the same chains after fewer and more steps than learned with. */
import { InvalidArgumentError } from '@srmcmc/core';
import type { Toy } from '@srmcmc/datasets';
import { aligned } from '../aligned.ts';
import { type Context, defaultBatch } from '../context.ts';
import type { Model } from '../model.ts';
import { writePicture } from '../pictures/picture-file.ts';
import { variedDensitiesCharts, variedDensitiesPlot } from '../pictures/varied-densities-plot.ts';
import { type About, writeJson } from '../result.ts';
import type { SampledDensity } from '../toys/densities.ts';
import { type DensitiesMeasured, type DensityRow, measureDensities } from '../varied-steps/densities.ts';
import { aboutChains, headOf, rowName, warnOfDiverged } from '../varied-steps/telling.ts';
import { digits } from '../words.ts';
import { type VaryKFlags, varyKFlags } from './vary-k-flags.ts';

const DEFAULT_COUNT = 20_000;

export interface VariedPoints {
  readonly model: Model;
  readonly toy: Toy;
  /** Each K, in increasing order. */
  readonly steps: readonly number[];
  readonly program: About;
}

/** Refuses flags that are about images. */
export function requireFlagsOfPoints(flags: VaryKFlags): void {
  const unused = (['images', 'split', 'crop', 'features', 'weights', 'weightsHash'] as const).find(
    (field) => flags[field] !== undefined,
  );
  const changed = (['skipBad', 'resize', 'inceptionPrecision', 'errors'] as const).find(
    (field) => flags[field] !== varyKFlags.shape[field].parse(undefined),
  );
  const field = unused ?? changed;
  if (field === undefined) return;
  throw new InvalidArgumentError(field, 'is for images, and the model is of points: leave it out');
}

/** Draws the picture and prints the numbers of each K; with `plot` it draws those too. */
export async function varyPoints(
  context: Context,
  { model, toy, steps, program }: VariedPoints,
  flags: VaryKFlags,
): Promise<void> {
  const { out, plot, json, seed, noiseOff, count = DEFAULT_COUNT } = flags;
  const chains = { count, seed, noiseOff };
  const learned = model.sampler.steps;
  const measured = await measureDensities(context, model, toy, {
    ...{ steps, count, seed, noise: !noiseOff, signal: context.signal },
    batch: flags.batch ?? defaultBatch(model),
  });
  warnOfDiverged(context, measured.rows, chains);
  await writePicture(out, await variedDensitiesPlot(toy.name, measured, learned));
  if (plot !== undefined) await writePicture(plot, variedDensitiesCharts(measured, learned));

  const { low, high, cells } = measured.grid;
  if (json !== undefined) {
    await writeJson(context, json, {
      ...aboutChains(model, program, chains),
      truth: { toy: toy.name, entropy: measured.truth.entropy },
      grid: { low, high, cells },
      rows: measured.rows.map(({ samples, ...row }) => ({ ...row, samples: samples && numbersOf(samples) })),
      exactDraws: numbersOf(measured.exactDraws),
    });
  }
  if (json === true) return;
  const head = headOf(out, model, chains);
  context.stdout.write(
    `${head}, against ${toy.name} on [${low}, ${high}]; nats\n${tableOf(measured, learned)}\n`,
  );
}

/** All but the density itself. */
function numbersOf({ density: _, ...numbers }: SampledDensity): Omit<SampledDensity, 'density'> {
  return numbers;
}

function tableOf({ truth, exactDraws, rows }: DensitiesMeasured, learned: number): string {
  const numbers = ({ divergence, entropy, outside }: SampledDensity): string[] => [
    divergence.toFixed(4),
    entropy.toFixed(4),
    String(outside),
  ];
  const line = ({ steps, samples, gradientNorm, lastGradientNorm }: DensityRow): string[] => [
    rowName(steps, learned),
    ...(samples === null ? ['none on the grid', '', ''] : numbers(samples)),
    digits(gradientNorm),
    digits(lastGradientNorm),
  ];
  return aligned([
    ['K', 'KL(truth ‖ KDE)', 'entropy', 'outside the grid', "mean |f'|", "last |f'|"],
    ...rows.map(line),
    ['as many exact draws', ...numbers(exactDraws), '', ''],
    ['truth', '0', truth.entropy.toFixed(4), '', '', ''],
  ]);
}
