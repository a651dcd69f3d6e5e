/** Short-run MCMC: K steps of a kernel from a fixed initial distribution, used as a generator. */
import * as tf from '@tensorflow/tfjs-core';
import { requireBackend } from './backend.ts';
import { type Energy, fromFunction, type NegativeEnergyFunction, requireEvents } from './energy.ts';
import { InvalidArgumentError, InvalidShapeError, requireInteger } from './errors.ts';
import type { GeneratorModel } from './generator.ts';
import type { InitialDistribution } from './initial.ts';
import type { FusedSampler, KernelInfo, KernelState, TransitionKernel } from './kernel.ts';
import type { Key } from './key.ts';

export interface ShortRunOptions<S extends KernelState = KernelState> {
  readonly energy: Energy | NegativeEnergyFunction;
  readonly kernel: TransitionKernel<S>;
  /** K, the number of steps. */
  readonly steps: number;
  /** p_0. */
  readonly initial: InitialDistribution;
  /** Steps (1 .. K) after which the positions are kept, in increasing order. */
  readonly snapshots?: readonly number[];
}

/** One number a step, averaged over the chains, measured before the step moves them. */
export interface Trace {
  /** Mean f(x), [K]. */
  readonly value: tf.Tensor1D;
  /** Mean Euclidean norm of ∂f/∂x, [K]; Table 2 of the paper reports its mean. */
  readonly gradientNorm: tf.Tensor1D;
  /** Positions at the asked-for steps, each [n, ...event]. */
  readonly snapshots: readonly tf.Tensor[];
}

export interface ShortRunResult {
  /** [n, ...event]. */
  readonly x: tf.Tensor;
  readonly trace: Trace;
}

export interface ShortRun extends GeneratorModel {
  /** Runs the chains from z, which is borrowed; without a key the noise is off. All tensors are the caller's. */
  run(z: tf.Tensor, key?: Key): ShortRunResult;
}

/**
 * q = M p_0 (Nijkamp et al. 2019, eq. 5): a generator that runs K steps of `kernel` on `energy` from `initial`.
 *
 * Where the energy says what network it is, and the active backend has a kernel that runs all K steps at once,
 * that one is used; otherwise this loop. The loop never reads a tensor back.
 *
 * @throws InvalidArgumentError for a bad number of steps or bad snapshots; InvalidShapeError when the energy and
 * the initial distribution disagree, or z is not [n, ...event].
 */
export function shortRun<S extends KernelState>(options: ShortRunOptions<S>): ShortRun {
  const { kernel, steps, initial, snapshots = [] } = options;
  const energy =
    typeof options.energy === 'function' ? fromFunction(options.energy, initial.eventShape) : options.energy;
  requireInteger('steps', steps, 1);
  snapshots.forEach((step, i) => {
    if (!Number.isSafeInteger(step) || step < 1 || step > steps || step <= (snapshots[i - 1] ?? 0)) {
      throw new InvalidArgumentError(
        'snapshots',
        `must increase within 1 .. ${steps}, got [${snapshots.join(', ')}]`,
      );
    }
  });
  if (energy.eventShape.join() !== initial.eventShape.join()) {
    throw new InvalidShapeError('initial.eventShape', energy.eventShape, initial.eventShape);
  }

  const run = (z: tf.Tensor, key?: Key): ShortRunResult => {
    requireBackend();
    requireEvents('z', z, energy.eventShape);
    const fused = snapshots.length === 0 ? kernel.fused : undefined;
    if (
      fused !== undefined &&
      energy.network !== undefined &&
      tf.getKernel(fused.kernelName, tf.getBackend())
    ) {
      return runFused(fused, energy, z, steps, key);
    }
    return runLoop(energy, kernel, z, steps, snapshots, key);
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
      tf.dispose([trace.value, trace.gradientNorm, ...trace.snapshots]);
      return x;
    },
    run,
  };
}

function runLoop<S extends KernelState>(
  energy: Energy,
  kernel: TransitionKernel<S>,
  z: tf.Tensor,
  steps: number,
  snapshots: readonly number[],
  key: Key | undefined,
): ShortRunResult {
  return tf.tidy(() => {
    const values: tf.Scalar[] = [];
    const norms: tf.Scalar[] = [];
    const kept: tf.Tensor[] = [];
    let state = kernel.init(energy, z);
    for (let done = 1; done <= steps; done++) {
      const previous = state;
      const [next, value, norm] = advance(energy, kernel, previous, key);
      state = next;
      tf.dispose(previous as unknown as tf.TensorContainer);
      values.push(value);
      norms.push(norm);
      if (snapshots.includes(done)) kept.push(state.x.clone());
    }
    return {
      x: state.x.clone(),
      trace: {
        value: tf.stack(values) as tf.Tensor1D,
        gradientNorm: tf.stack(norms) as tf.Tensor1D,
        snapshots: kept,
      },
    };
  });
}

/** One step, with what it reports reduced to means at once, so that a trace costs two numbers a step. */
function advance<S extends KernelState>(
  energy: Energy,
  kernel: TransitionKernel<S>,
  state: S,
  key: Key | undefined,
): [S, tf.Scalar, tf.Scalar] {
  return tf.tidy(() => {
    const { state: next, info }: { state: S; info: KernelInfo } = kernel.step(energy, state, key);
    const means: [tf.Scalar, tf.Scalar] = [tf.mean(info.value), tf.mean(info.gradientNorm)];
    return [next, ...means] as unknown as tf.TensorContainer;
  }) as unknown as [S, tf.Scalar, tf.Scalar];
}

/** The backend's kernel takes x and the weights in checkpoint order and returns [x, value [K], gradientNorm [K]]. */
function runFused(
  fused: FusedSampler,
  energy: Energy,
  z: tf.Tensor,
  steps: number,
  key?: Key,
): ShortRunResult {
  const weights = Object.values(energy.variables);
  const inputs = Object.fromEntries(
    [z, ...weights].map((tensor, i) => [i === 0 ? 'x' : `weight${i - 1}`, tensor]),
  );
  const attributes = {
    ...fused.attributes(0, steps),
    network: energy.network as unknown as tf.NamedAttrMap,
    steps,
    key: key === undefined ? [] : [...key.words],
    firstChain: key?.firstChain ?? 0,
  };
  const [x, value, gradientNorm] = tf
    .engine()
    .runKernel(fused.kernelName, inputs, attributes as unknown as tf.NamedAttrMap) as tf.Tensor[];
  return {
    x: x!,
    trace: { value: value as tf.Tensor1D, gradientNorm: gradientNorm as tf.Tensor1D, snapshots: [] },
  };
}
