/** Drawing samples in batches, such that sample i does not depend on the batches. */
import { slice, type Tensor } from '@tensorflow/tfjs-core';
import {
  CancelledError,
  type ChainResult,
  dispose,
  DivergedError,
  fromChain,
  key as keyOf,
  type Key,
  runChainsAsync,
  split,
} from '@srmcmc/core';
import type { Model } from './model.ts';

export interface SamplingOptions {
  readonly count: number;
  /** The first sample to draw, with which a batch begins. Default: 0. */
  readonly from?: number;
  /** K. */
  readonly steps: number;
  readonly seed: number;
  /** Chains that are run together: memory grows with it, samples do not change. */
  readonly batch: number;
  /** Whether the step noise is drawn; without it a sample is a function of its start alone. */
  readonly noise: boolean;
  readonly signal?: AbortSignal;
  /** Called with the number of samples drawn, whose fractions stand for steps of the batch under way. */
  readonly onProgress?: (samples: number) => void;
}

export interface SampleBatch {
  /** The number of the first sample in it. */
  readonly first: number;
  readonly count: number;
  /** [count, ...event], flat. */
  readonly values: Float32Array;
}

/**
 * Samples `from` .. count − 1 of M_θ(z, ξ) (Nijkamp et al. 2019, eq. 7). Sample i is a function of the seed and i.
 *
 * The event loop turns meanwhile, so that `signal` is heeded within a step.
 *
 * @throws DivergedError when a sample is not finite; the signal's reason when it is aborted.
 */
export async function* sampleBatches(model: Model, options: SamplingOptions): AsyncGenerator<SampleBatch> {
  const { count, from = 0, seed, batch, noise, onProgress } = options;
  const [startKey, noiseKey] = split(keyOf(seed)) as [Key, Key];
  for (let first = from; first < count; first += batch) {
    const size = Math.min(batch, count - first);
    const start = model.initial.sample(fromChain(startKey, first), size);
    const key = noise ? fromChain(noiseKey, first) : undefined;
    const { x, trace } = await runInTurns(model, start, key, {
      ...options,
      onProgress: (fraction) => onProgress?.(first + fraction * size),
    });
    dispose(trace);
    const values = (await x.data()) as Float32Array;
    x.dispose();
    requireFinite(values, first, options.steps, values.length / size);
    yield { first, count: size, values };
  }
}

/**
 * M(z) with the noise off, for latents [n, ...latent] that are borrowed, `batch` at a time.
 *
 * @throws DivergedError when an image is not finite; the signal's reason when it is aborted.
 */
export async function samplesFrom(
  model: Model,
  latents: Tensor,
  options: Omit<SamplingOptions, 'count' | 'from' | 'seed' | 'noise'>,
): Promise<Float32Array> {
  const count = latents.shape[0]!;
  const values = new Float32Array(latents.size);
  for (let first = 0; first < count; first += options.batch) {
    const size = Math.min(options.batch, count - first);
    const start = slice(latents, first, size);
    const { x, trace } = await runInTurns(model, start, undefined, {
      ...options,
      onProgress: (fraction) => options.onProgress?.(first + fraction * size),
    });
    dispose(trace);
    const some = (await x.data()) as Float32Array;
    x.dispose();
    requireFinite(some, first, options.steps, some.length / size);
    values.set(some, first * (some.length / size));
  }
  return values;
}

export interface RunOptions extends Pick<SamplingOptions, 'steps' | 'signal' | 'onProgress'> {
  /** Steps after which the positions are kept, in increasing order. */
  readonly snapshots?: readonly number[];
}

/** K steps from `start`, which is disposed; progress is told as a fraction of them. */
export async function runInTurns(
  { energy, kernel }: Model,
  start: Tensor,
  key: Key | undefined,
  { steps, snapshots = [], signal, onProgress }: RunOptions,
): Promise<ChainResult> {
  try {
    return await runChainsAsync({ energy, kernel, steps, snapshots }, start, key, { signal, onProgress });
  } catch (error) {
    if (error instanceof CancelledError) throw error.cause;
    throw error;
  } finally {
    start.dispose();
  }
}

function requireFinite(values: Float32Array, first: number, steps: number, size: number): void {
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad === -1) return;
  throw new DivergedError(
    `sample ${first + Math.floor(bad / size)} is not finite after ${steps} steps: use fewer steps, or an earlier ` +
      'checkpoint',
  );
}
