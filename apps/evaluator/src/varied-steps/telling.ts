/** What `vary-k` says of chains of images and of points alike. */
import type { Context } from '../context.ts';
import type { Model } from '../model.ts';
import type { About } from '../result.ts';

export interface VariedChains {
  readonly count: number;
  readonly seed: number;
  readonly noiseOff: boolean;
}

/** Says on stderr after which K chains are not finite. */
export function warnOfDiverged(
  { stderr }: Context,
  rows: readonly { readonly steps: number; readonly diverged: number }[],
  { count }: VariedChains,
): void {
  for (const { steps, diverged } of rows) {
    if (diverged === 0) continue;
    stderr.write(`warning: ${diverged} of ${count} chains are not finite after ${steps} steps\n`);
  }
}

/** What the numbers depend on, but for what they are compared with. */
export function aboutChains(model: Model, program: About, { count, seed, noiseOff }: VariedChains) {
  return {
    program,
    model: model.path,
    iteration: model.iteration,
    sampler: model.sampler,
    chains: count,
    seed,
    noise: !noiseOff,
  };
}

/** The first two lines of the table, as far as they are the same. */
export function headOf(
  out: string,
  { path, iteration, sampler }: Model,
  { count, seed, noiseOff }: VariedChains,
): string {
  const iterations = iteration === undefined ? '' : `, ${iteration} iterations`;
  return (
    `${out}: ${path}${iterations}, learned with K = ${sampler.steps}\n` +
    `${count} chains, seed ${seed}${noiseOff ? ', no noise' : ''}`
  );
}

/** The name of a row. */
export function rowName(steps: number, learned: number): string {
  return steps === learned ? `${steps}, as learned` : String(steps);
}
