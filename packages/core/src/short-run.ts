/** Short-run MCMC: K steps of a kernel from a fixed initial distribution, used as a generator. */
import type * as tf from '@tensorflow/tfjs-core';
import type { AsyncOptions } from './async.ts';
import { requireBackend } from './backend.ts';
import { chainPullback } from './chain-pullback.ts';
import { type ChainOptions, type ChainResult, requireSteps, runChains, runChainsAsync } from './chains.ts';
import { type Energy, fromFunction, type NegativeEnergyFunction } from './energy.ts';
import { InvalidArgumentError, InvalidShapeError } from './errors.ts';
import type { DifferentiableGenerator, Pullback } from './generator.ts';
import type { InitialDistribution } from './initial.ts';
import type { KernelState } from './kernel.ts';
import type { Key } from './key.ts';
import { dispose } from './tidy.ts';

export interface ShortRunOptions<S extends KernelState = KernelState> extends Omit<
  ChainOptions<S>,
  'energy'
> {
  /** What is climbed: an Energy, or a bare function [n, ...event] to [n]. */
  readonly energy: Energy | NegativeEnergyFunction;
  /** p_0. */
  readonly initial: InitialDistribution;
  /**
   * What `pullback` takes the derivative of M in its latent to be:
   * - `exact`, unless given: the product of the steps' own, by Hessian-vector products.
   * - `identity`: for Langevin without clamps, or HMC without the Metropolis test, on a piecewise-linear network
   *   (leakyRelu, relu), where the Hessian is zero almost everywhere and this is what `exact` gives, without the chain
   *   being run again. For a smooth network it is an approximation that drops the curvature of f. A kernel whose steps
   *   have no derivative, such as one with the Metropolis test, is refused.
   */
  readonly jacobian?: 'exact' | 'identity';
}

export interface ShortRun extends DifferentiableGenerator {
  /** Runs the chains from z, which is borrowed, and reports on them; without a key the noise is off. */
  run(z: tf.Tensor, key?: Key): ChainResult;
  /** `run` in turns with the rest of the program, as `runChainsAsync` does it. */
  runAsync(z: tf.Tensor, key?: Key, options?: AsyncOptions): Promise<ChainResult>;
  /** `generate` in turns with the rest of the program. */
  generateAsync(z: tf.Tensor, key?: Key, options?: AsyncOptions): Promise<tf.Tensor>;
}

/**
 * q = M p_0 (Nijkamp et al. 2019, eq. 5): a generator that runs K steps of `kernel` on `energy` from `initial`.
 *
 * @throws InvalidArgumentError for a bad number of steps, bad snapshots, or the Jacobian `identity` of a kernel that has
 * none; InvalidShapeError when the energy and the initial distribution disagree, or a latent is not [n, ...event].
 */
export function shortRun<S extends KernelState>(options: ShortRunOptions<S>): ShortRun {
  const { initial, steps, snapshots = [] } = options;
  const energy =
    typeof options.energy === 'function' ? fromFunction(options.energy, initial.eventShape) : options.energy;
  requireSteps(steps, snapshots);
  requireDerivative(options);
  if (energy.eventShape.join() !== initial.eventShape.join()) {
    throw new InvalidShapeError('initial.eventShape', energy.eventShape, initial.eventShape);
  }
  const run = (z: tf.Tensor, key?: Key): ChainResult => runChains({ ...options, energy }, z, key);
  const runAsync: ShortRun['runAsync'] = (z, key, asyncOptions) =>
    runChainsAsync({ ...options, energy }, z, key, asyncOptions);
  const identity = (z: tf.Tensor): Pullback => {
    const { x, trace } = run(z);
    dispose(trace);
    return { x, vjp: (v) => v.clone(), dispose: () => x.dispose() };
  };
  return {
    latentShape: initial.eventShape,
    eventShape: energy.eventShape,
    prior: (key, n) => {
      requireBackend();
      return initial.sample(key, n);
    },
    generate: (z, key) => {
      const { x, trace } = run(z, key);
      dispose(trace);
      return x;
    },
    pullback: (z) =>
      options.jacobian === 'identity' ? identity(z) : chainPullback({ ...options, energy }, z),
    run,
    runAsync,
    generateAsync: async (z, key, asyncOptions) => {
      const { x, trace } = await runAsync(z, key, asyncOptions);
      dispose(trace);
      return x;
    },
  };
}

/** A chain that accepts and rejects jumps where a decision changes, and its map has no identity to stand for. */
function requireDerivative<S extends KernelState>({ kernel, jacobian }: ShortRunOptions<S>): void {
  const { name, calibrated, undifferentiable } = kernel;
  if (jacobian !== 'identity' || (undifferentiable === undefined && !calibrated)) return;
  throw new InvalidArgumentError(
    'jacobian',
    `cannot be 'identity' for '${name}': ${undifferentiable ?? 'a calibrated kernel has a Metropolis test, which is not differentiable'}`,
  );
}
