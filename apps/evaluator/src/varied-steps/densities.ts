/** What changes with the number of steps of the same chains of points: their density, against that of a toy. */
import { turn } from '@srmcmc/core';
import type { Toy } from '@srmcmc/datasets';
import type { Grid } from '@srmcmc/metrics';
import type { Context } from '../context.ts';
import type { Model } from '../model.ts';
import { progress } from '../progress.ts';
import {
  exactDraws,
  gridOf,
  measuresAgainst,
  onGrid,
  rowsWhere,
  type SampledDensity,
  type ToyDensity,
} from '../toys/densities.ts';
import { type VariedStepsOptions, variedSteps } from './chains.ts';
import { GradientNorms, type GradientRow } from './gradient-norms.ts';

export interface DensityRow extends GradientRow {
  /** The kernel estimate of the chains on the grid; null where fewer than two are on it. */
  readonly samples: SampledDensity | null;
  /** Chains with a coordinate that is not finite. */
  readonly diverged: number;
}

export interface DensitiesMeasured {
  readonly grid: Grid;
  readonly truth: ToyDensity;
  /** The estimate of as many exact draws. */
  readonly exactDraws: SampledDensity;
  readonly rows: readonly DensityRow[];
}

/** Runs the chains once, to the largest K, and estimates their density at each. Tells progress on stderr. */
export async function measureDensities(
  context: Context,
  model: Model,
  toy: Toy,
  sampling: VariedStepsOptions,
): Promise<DensitiesMeasured> {
  const { steps, count, seed } = sampling;
  const [dimension] = toy.shape;
  const points = steps.map(() => new Float32Array(count * dimension));
  const norms = new GradientNorms(steps.at(-1)!);
  const line = progress(context.stderr, 'chains', count);
  let first = 0;
  try {
    for await (const batch of variedSteps(model, { ...sampling, onProgress: line.at })) {
      norms.add(batch);
      batch.positions.forEach((some, i) => points[i]!.set(some, first * dimension));
      first += batch.count;
    }
  } finally {
    line.end();
  }

  const grid = gridOf(toy);
  const { truth, sampled } = measuresAgainst(toy, grid);
  const rows: DensityRow[] = [];
  for (const [i, k] of steps.entries()) {
    context.signal.throwIfAborted();
    const some = points[i]!;
    const isSeen = onGrid(grid, some) >= 2;
    rows.push({
      ...norms.of(k),
      samples: isSeen ? sampled(some) : null,
      diverged: divergedIn(some, dimension),
    });
    await turn();
  }
  return { grid, truth, exactDraws: sampled(exactDraws(toy, count, seed)), rows };
}

function divergedIn(points: Float32Array, dimension: number): number {
  return rowsWhere(points, dimension, (point) => !point.every(Number.isFinite));
}
