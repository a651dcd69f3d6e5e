/** The same chains after different numbers of steps, of one run: a step's noise does not depend on how many follow. */
import type { Tensor } from '@tensorflow/tfjs-core';
import { dispose, fromChain, key as keyOf, type Key, split } from '@srmcmc/core';
import type { Model } from '../model.ts';
import { runInTurns, type SamplingOptions } from '../sampling.ts';

export interface VariedStepsOptions extends Omit<SamplingOptions, 'steps' | 'from'> {
  /** Each K, in increasing order. */
  readonly steps: readonly number[];
}

export interface VariedStepsBatch {
  readonly count: number;
  /** After each K, [count, ...event] flat. Not checked: chains that are run for long may be anywhere. */
  readonly positions: readonly Float32Array[];
  /** The mean of |f'| over these chains before every step, [the largest K]. */
  readonly gradientNorm: Float32Array;
}

/**
 * Chains 0 .. count − 1 after each of `steps`: for every K the samples that `sampleBatches` draws with it (Nijkamp et al.
 * 2019, Fig. 7).
 *
 * @throws the signal's reason when it is aborted.
 */
export async function* variedSteps(
  model: Model,
  { steps, count, seed, batch, noise, signal, onProgress }: VariedStepsOptions,
): AsyncGenerator<VariedStepsBatch> {
  const [startKey, noiseKey] = split(keyOf(seed)) as [Key, Key];
  const read = (tensor: Tensor): Promise<Float32Array> => tensor.data() as Promise<Float32Array>;
  for (let first = 0; first < count; first += batch) {
    const size = Math.min(batch, count - first);
    const start = model.initial.sample(fromChain(startKey, first), size);
    const { x, trace } = await runInTurns(model, start, noise ? fromChain(noiseKey, first) : undefined, {
      steps: steps.at(-1)!,
      snapshots: steps.slice(0, -1),
      ...(signal && { signal }),
      onProgress: (fraction) => onProgress?.(first + fraction * size),
    });
    const positions = await Promise.all([...trace.snapshots, x].map(read));
    const gradientNorm = await read(trace.gradientNorm);
    dispose([x, trace]);
    yield { count: size, positions, gradientNorm };
  }
}
