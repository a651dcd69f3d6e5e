/** Running chains: K steps of a kernel on an energy, from given positions. */
import type * as tf from '@tensorflow/tfjs-core';
import { requireBackend } from './backend.ts';
import type { AsyncOptions } from './async.ts';
import type { ChainOptions, ChainResult } from './chain.ts';
import { runLoop, runLoopAsync } from './chain-loop.ts';
import { requireEvents } from './energy.ts';
import { InvalidArgumentError, requireInteger } from './errors.ts';
import { fusedKernel, runFused, runFusedAsync } from './fused-chains.ts';
import type { KernelState } from './kernel.ts';
import { type Key, requireKey } from './key.ts';
import { shown } from './shown.ts';

export type { ChainOptions, ChainResult, Trace } from './chain.ts';

/**
 * Makes K steps from `start` [n, ...event], which is borrowed; without a key the noise is off. Every tensor of
 * the result is the caller's.
 *
 * Where the energy says that it is a network, and the active backend has a kernel that runs all K steps at once, that
 * one is used; otherwise a loop, which never reads a tensor back.
 *
 * @throws InvalidArgumentError for a bad number of steps, bad snapshots, and what is no key; InvalidShapeError for a bad
 * start.
 */
export function runChains<S extends KernelState>(
  options: ChainOptions<S>,
  start: tf.Tensor,
  key?: Key,
): ChainResult {
  requireRun(options, start, key);
  const kernelName = fusedKernel(options, start);
  return kernelName === undefined ? runLoop(options, start, key) : runFused(kernelName, options, start, key);
}

/**
 * `runChains`, in turns with the rest of the program: off the JavaScript thread where the active backend can, otherwise
 * in a loop that lets the event loop turn a hundred times a second, as far as its steps are that short. The result is
 * that of `runChains`, bit for bit. `start` and the energy's variables must stay as they are until the promise settles.
 *
 * `onProgress` is told the share of all steps that is made, a few times a second, and 1 at the end.
 *
 * @throws CancelledError, as a rejection like all others, within a step of the signal's abort; no tensor is left behind.
 * What `runChains` throws.
 */
export async function runChainsAsync<S extends KernelState>(
  options: ChainOptions<S>,
  start: tf.Tensor,
  key?: Key,
  { signal, onProgress }: AsyncOptions = {},
): Promise<ChainResult> {
  requireRun(options, start, key);
  const kernelName = fusedKernel(options, start, 'Async');
  return kernelName === undefined
    ? runLoopAsync(options, start, key, { signal, onProgress })
    : runFusedAsync(kernelName, options, start, key, { signal, onProgress });
}

function requireRun<S extends KernelState>(options: ChainOptions<S>, start: tf.Tensor, key?: Key): void {
  requireBackend();
  requireSteps(options.steps, options.snapshots);
  requireEvents('start', start, options.energy.eventShape);
  if (key !== undefined) requireKey(key);
}

/**
 * K is at most this: the coefficients and the report of every step are held in memory, which at a hundred bytes a step is
 * 100 MB. Longer chains are several, each from where the last one ended.
 */
export const MOST_STEPS = 1_000_000;

/** Throws InvalidArgumentError unless steps is within 1 .. MOST_STEPS and snapshots increase within 1 .. steps. */
export function requireSteps(steps: number, snapshots: readonly number[] = []): void {
  requireInteger('steps', steps, 1, MOST_STEPS);
  if (!Array.isArray(snapshots)) {
    throw new InvalidArgumentError('snapshots', `must be a list of steps, got ${shown(snapshots)}`);
  }
  snapshots.forEach((step, i) => {
    if (!Number.isSafeInteger(step) || step < 1 || step > steps || step <= (snapshots[i - 1] ?? 0)) {
      throw new InvalidArgumentError(
        'snapshots',
        `must increase within 1 .. ${steps}, got [${snapshots.join(', ')}]`,
      );
    }
  });
}
