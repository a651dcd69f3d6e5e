/** Running chains: K steps of a kernel on an energy, from given positions. */
import * as tf from '@tensorflow/tfjs-core';
import { requireBackend } from './backend.ts';
import { type Energy, requireEvents } from './energy.ts';
import { InvalidArgumentError, requireInteger } from './errors.ts';
import type { FusedSampler, KernelInfo, KernelState, TransitionKernel } from './kernel.ts';
import type { Key } from './key.ts';
import { dispose, tidy } from './tidy.ts';

export interface ChainOptions<S extends KernelState = KernelState> {
  readonly energy: Energy;
  readonly kernel: TransitionKernel<S>;
  /** K, the number of steps. */
  readonly steps: number;
  /** Steps (1 .. K) after which the positions are kept, in increasing order. */
  readonly snapshots?: readonly number[];
}

/** One number a step, averaged over the chains, measured before the step moves them. */
export interface Trace {
  /** Mean f(x), [K]. */
  readonly value: tf.Tensor1D;
  /** Mean Euclidean norm of ∂f/∂x, [K]; Table 2 of the paper reports its mean. */
  readonly gradientNorm: tf.Tensor1D;
  /** Positions after the asked-for steps, each [n, ...event]. */
  readonly snapshots: readonly tf.Tensor[];
}

export interface ChainResult {
  /** [n, ...event]. */
  readonly x: tf.Tensor;
  readonly trace: Trace;
}

/**
 * Makes K steps from `start` [n, ...event], which is borrowed; without a key the noise is off. Every tensor of
 * the result is the caller's.
 *
 * Where the energy says that it is a network, and the active backend has a kernel that runs all K steps at once, that
 * one is used; otherwise a loop, which never reads a tensor back.
 *
 * @throws InvalidArgumentError for a bad number of steps or bad snapshots; InvalidShapeError for a bad start.
 */
export function runChains<S extends KernelState>(
  options: ChainOptions<S>,
  start: tf.Tensor,
  key?: Key,
): ChainResult {
  const { energy, kernel, steps, snapshots = [] } = options;
  requireBackend();
  requireSteps(steps, snapshots);
  requireEvents('start', start, energy.eventShape);
  const { fused } = kernel;
  if (fused !== undefined && start.dtype === 'float32' && canFuse(fused, energy)) {
    return runFused(fused, options as ChainOptions, start, key);
  }
  return runLoop(options, start, key);
}

/** A backend that has the kernel runs every network that can be described as plain data. */
function canFuse({ kernelName }: FusedSampler, { network }: Energy): boolean {
  return network !== undefined && tf.getKernel(kernelName, tf.getBackend()) !== undefined;
}

/** Throws InvalidArgumentError unless steps is at least 1 and snapshots increase within 1 .. steps. */
export function requireSteps(steps: number, snapshots: readonly number[]): void {
  requireInteger('steps', steps, 1);
  snapshots.forEach((step, i) => {
    if (!Number.isSafeInteger(step) || step < 1 || step > steps || step <= (snapshots[i - 1] ?? 0)) {
      throw new InvalidArgumentError(
        'snapshots',
        `must increase within 1 .. ${steps}, got [${snapshots.join(', ')}]`,
      );
    }
  });
}

function runLoop<S extends KernelState>(options: ChainOptions<S>, start: tf.Tensor, key?: Key): ChainResult {
  const { energy, kernel, steps, snapshots = [] } = options;
  return tidy(() => {
    const values: tf.Scalar[] = [];
    const norms: tf.Scalar[] = [];
    const kept: tf.Tensor[] = [];
    let state = kernel.init(energy, start);
    for (let done = 1; done <= steps; done++) {
      const { next, value, gradientNorm } = advance(energy, kernel, state, key);
      dispose(state);
      state = next;
      values.push(value);
      norms.push(gradientNorm);
      if (snapshots.includes(done)) kept.push(state.x.clone());
    }
    const trace = {
      value: tf.stack(values) as tf.Tensor1D,
      gradientNorm: tf.stack(norms) as tf.Tensor1D,
      snapshots: kept,
    };
    return { x: state.x.clone(), trace };
  });
}

/** One step, its report reduced to means at once, so that a trace costs two numbers a step. */
function advance<S extends KernelState>(
  energy: Energy,
  kernel: TransitionKernel<S>,
  state: S,
  key: Key | undefined,
): { next: S; value: tf.Scalar; gradientNorm: tf.Scalar } {
  return tidy(() => {
    const { state: next, info }: { state: S; info: KernelInfo } = kernel.step(energy, state, key);
    return { next, value: tf.mean(info.value), gradientNorm: tf.mean(info.gradientNorm) };
  });
}

/**
 * The backend's kernel takes x [n, ...event] and weight0, weight1, ... in checkpoint order (each layer's filter
 * [kh, kw, in, out] or [in, out], then its bias); it returns x, value [K] and gradientNorm [K], as `Trace` defines
 * them, and each snapshot. Its attributes are those of the transition kernel (a number a step for every coefficient,
 * infinite bounds where one is off), the network as plain data, the number of steps, the snapshots, the key's words
 * (none: no noise) and its first chain.
 */
function runFused(fused: FusedSampler, options: ChainOptions, start: tf.Tensor, key?: Key): ChainResult {
  const { energy, steps, snapshots = [] } = options;
  const weights = Object.values(energy.variables).map((variable, i) => [`weight${i}`, variable] as const);
  const attributes = {
    ...fused.attributes(steps),
    network: energy.network,
    steps,
    snapshots,
    key: key === undefined ? [] : [...key.words],
    firstChain: key?.firstChain ?? 0,
  };
  const results = tf
    .engine()
    .runKernel(
      fused.kernelName,
      { x: start, ...Object.fromEntries(weights) },
      attributes as unknown as tf.NamedAttrMap,
    ) as tf.Tensor[];
  const [x, value, gradientNorm, ...kept] = results as [tf.Tensor, tf.Tensor1D, tf.Tensor1D, ...tf.Tensor[]];
  return { x, trace: { value, gradientNorm, snapshots: kept } };
}
