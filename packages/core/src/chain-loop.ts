/** K steps of any kernel, one after the other. */
import * as tf from '@tensorflow/tfjs-core';
import { type AsyncOptions, throwIfCancelled, turn } from './async.ts';
import type { ChainOptions, ChainResult, Trace } from './chain.ts';
import type { Energy } from './energy.ts';
import type { KernelInfo, KernelState, TransitionKernel } from './kernel.ts';
import type { Key } from './key.ts';
import { dispose, tidy } from './tidy.ts';

/** How long the loop goes on before the event loop turns: seldom enough to cost nothing, often enough to go unnoticed. */
const TURN_MILLISECONDS = 10;

type Reports = Omit<Trace, 'snapshots'>;
const REPORTS = ['value', 'gradientNorm', 'acceptance', 'energyError'] as const satisfies (keyof Reports)[];

/** All that a loop has in hand; its tensors are its own. */
interface Loop<S extends KernelState> {
  state: S;
  /** The means of each report, in the order of steps. */
  readonly reports: { -readonly [Name in keyof Reports]: tf.Scalar[] };
  readonly kept: tf.Tensor[];
}

export function runLoop<S extends KernelState>(
  options: ChainOptions<S>,
  start: tf.Tensor,
  key?: Key,
): ChainResult {
  return tidy(() => {
    const loop = begin(options, start);
    for (let done = 1; done <= options.steps; done++) step(loop, options, done, key);
    return end(loop);
  });
}

export async function runLoopAsync<S extends KernelState>(
  options: ChainOptions<S>,
  start: tf.Tensor,
  key: Key | undefined,
  { signal, onProgress }: AsyncOptions,
): Promise<ChainResult> {
  const { steps } = options;
  throwIfCancelled(signal);
  const loop = begin(options, start);
  try {
    let turned = performance.now();
    for (let done = 1; done <= steps; done++) {
      step(loop, options, done, key);
      if (performance.now() - turned < TURN_MILLISECONDS) continue;
      if (done < steps) onProgress?.(done / steps);
      await turn();
      throwIfCancelled(signal);
      turned = performance.now();
    }
    onProgress?.(1);
    return tidy(() => end(loop));
  } finally {
    dispose(loop);
  }
}

function begin<S extends KernelState>({ energy, kernel }: ChainOptions<S>, start: tf.Tensor): Loop<S> {
  return { state: kernel.init(energy, start), reports: { value: [], gradientNorm: [] }, kept: [] };
}

/** Makes step number `done`. */
function step<S extends KernelState>(
  loop: Loop<S>,
  { energy, kernel, snapshots = [] }: ChainOptions<S>,
  done: number,
  key: Key | undefined,
): void {
  const { next, means } = advance(energy, kernel, loop.state, key);
  dispose(loop.state);
  loop.state = next;
  for (const [name, mean] of means) (loop.reports[name] ??= []).push(mean);
  if (snapshots.includes(done)) loop.kept.push(next.x.clone());
}

/** New tensors, so that whatever the loop holds can be disposed. */
function end<S extends KernelState>({ state, reports, kept }: Loop<S>): ChainResult {
  const stacked = Object.entries(reports).map(([name, means]) => [name, tf.stack(means)]);
  return {
    x: state.x.clone(),
    trace: { ...Object.fromEntries(stacked), snapshots: kept.map((x) => x.clone()) },
  };
}

/** One step, its report reduced to means at once, so that a trace costs two numbers a step. */
function advance<S extends KernelState>(
  energy: Energy,
  kernel: TransitionKernel<S>,
  state: S,
  key: Key | undefined,
): { next: S; means: [keyof Reports, tf.Scalar][] } {
  return tidy(() => {
    const { state: next, info }: { state: S; info: KernelInfo } = kernel.step(energy, state, key);
    const made = REPORTS.filter((name) => info[name] !== undefined);
    return { next, means: made.map((name) => [name, tf.mean(info[name]!)]) };
  });
}
