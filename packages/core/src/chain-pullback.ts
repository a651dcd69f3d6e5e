/** Gradients through K steps of a kernel, in memory that grows with the square root of K. */
import type * as tf from '@tensorflow/tfjs-core';
import { type ChainOptions, runChains } from './chains.ts';
import { InvalidArgumentError, InvalidShapeError } from './errors.ts';
import type { Pullback } from './generator.ts';
import type { KernelState } from './kernel.ts';
import type { Key } from './key.ts';
import { dispose, tidy } from './tidy.ts';

/**
 * The positions after K steps from `start` [n, ...event], and v ↦ Jᵀ v with J their derivative in `start`, the noise
 * as the key has it. Positions are kept after every √K steps; `vjp` makes the steps between them again and pulls v
 * back through one after the other (Griewank and Walther 2000 call it checkpointing).
 *
 * @throws InvalidArgumentError for a kernel whose steps are not differentiable.
 */
export function chainPullback<S extends KernelState>(
  options: Omit<ChainOptions<S>, 'snapshots'>,
  start: tf.Tensor,
  key?: Key,
): Pullback {
  const { energy, kernel, steps } = options;
  if (kernel.pullback === undefined) {
    throw new InvalidArgumentError(
      'kernel',
      `'${kernel.name}' has no pullback: ${kernel.undifferentiable ?? 'its steps are not differentiable'}`,
    );
  }
  const stride = Math.ceil(Math.sqrt(steps));
  const starts = Array.from({ length: Math.ceil(steps / stride) }, (_, i) => i * stride);
  const { x, trace } = runChains({ energy, kernel, steps, snapshots: starts.slice(1) }, start, key);
  const { snapshots, ...reports } = trace;
  dispose(reports);
  const kept = [start.clone(), ...snapshots];
  return {
    x,
    vjp: (v) => {
      if (v.shape.join() !== x.shape.join()) throw new InvalidShapeError('v', x.shape, v.shape);
      let pulled = v.clone();
      for (let i = starts.length - 1; i >= 0; i--) {
        const first = starts[i]!;
        const segment = { first, end: Math.min(first + stride, steps) };
        const next = pullSegment(options, kept[i]!, segment, pulled, key);
        pulled.dispose();
        pulled = next;
      }
      return pulled;
    },
    dispose: () => {
      x.dispose();
      dispose(kept);
    },
  };
}

/** Jᵀ v of steps first .. end − 1, which begin at `start`. */
function pullSegment<S extends KernelState>(
  { energy, kernel }: Omit<ChainOptions<S>, 'snapshots'>,
  start: tf.Tensor,
  { first, end }: { readonly first: number; readonly end: number },
  v: tf.Tensor,
  key?: Key,
): tf.Tensor {
  return tidy(() => {
    const states: S[] = [{ ...kernel.init(energy, start), step: first }];
    while (first + states.length < end) {
      const { state, info } = kernel.step(energy, states.at(-1)!, key);
      dispose(info);
      states.push(state);
    }
    return states.reduceRight((pulled, state) => {
      const next = kernel.pullback!(energy, state, pulled, key);
      if (pulled !== v) pulled.dispose();
      dispose(state);
      return next;
    }, v);
  });
}
