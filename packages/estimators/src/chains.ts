/** Where the negative samples of learning come from: fresh short runs, or one of the policies they are compared with. */
import * as tf from '@tensorflow/tfjs-core';
import {
  type AsyncOptions,
  type ChainResult,
  type Energy,
  type InitialDistribution,
  InvalidArgumentError,
  type Key,
  type KernelState,
  permutation,
  requireInteger,
  runChainsAsync,
  split,
  tidy,
  type TransitionKernel,
  uniforms,
} from '@srmcmc/core';

/** What a policy carries between iterations, by name; empty for a policy without memory. */
export type ChainMemory = Readonly<Record<string, tf.Tensor>>;

/** Draws negative samples. Inputs are borrowed; outputs, the new memory among them, are the caller's. */
export interface ChainPolicy {
  readonly name: string;
  init(key: Key): ChainMemory;
  /**
   * As many samples as `data` [n, ...event] has rows, made in turns with the rest of the program. Rejects with a
   * CancelledError after the signal's abort.
   */
  sample(
    energy: Energy,
    data: tf.Tensor,
    memory: ChainMemory,
    key: Key,
    options?: AsyncOptions,
  ): Promise<ChainResult & { memory: ChainMemory }>;
}

interface Transition<S extends KernelState> {
  readonly kernel: TransitionKernel<S>;
  /** K. */
  readonly steps: number;
}

export interface NoiseInitialisedOptions<S extends KernelState = KernelState> extends Transition<S> {
  /** p_0. */
  readonly initial: InitialDistribution;
}

/** The paper's policy: K steps from fresh noise each time, never persistent (Nijkamp et al. 2019, eq. 5). */
export function noiseInitialised<S extends KernelState>(options: NoiseInitialisedOptions<S>): ChainPolicy {
  return {
    name: 'noise-initialised',
    init: () => ({}),
    sample: async (energy, data, _memory, key, asyncOptions) => {
      const [startKey, noiseKey] = split(key) as [Key, Key];
      const start = options.initial.sample(startKey, data.shape[0]!);
      try {
        const result = await runChainsAsync({ ...options, energy }, start, noiseKey, asyncOptions);
        return { ...result, memory: {} };
      } finally {
        start.dispose();
      }
    },
  };
}

/** Contrastive divergence (Hinton 2002): K steps from the data themselves. */
export function dataInitialised<S extends KernelState>(options: Transition<S>): ChainPolicy {
  return {
    name: 'data-initialised',
    init: () => ({}),
    sample: async (energy, data, _memory, key, asyncOptions) => {
      const result = await runChainsAsync({ ...options, energy }, data, key, asyncOptions);
      return { ...result, memory: {} };
    },
  };
}

export interface PersistentOptions<S extends KernelState = KernelState> extends NoiseInitialisedOptions<S> {
  /** How many chains are remembered. */
  readonly bufferSize?: number;
  /** The probability that a chain starts afresh from p_0 instead of where it was. */
  readonly renewal?: number;
}

/**
 * Persistent contrastive divergence (Tieleman 2008) with a replay buffer (Du and Mordatch 2019): each time, chains
 * picked from the buffer without replacement go on for K steps and are written back, a few renewed from p_0.
 *
 * @throws InvalidArgumentError when a batch is larger than the buffer.
 */
export function persistent<S extends KernelState>(options: PersistentOptions<S>): ChainPolicy {
  const { initial, bufferSize = 10_000, renewal = 0.05 } = options;
  requireInteger('bufferSize', bufferSize, 1);
  if (!(renewal >= 0 && renewal <= 1))
    throw new InvalidArgumentError('renewal', `must be in [0, 1], got ${renewal}`);
  return {
    name: 'persistent',
    init: (key) => ({ buffer: initial.sample(key, bufferSize) }),
    sample: async (energy, data, memory, key, asyncOptions) => {
      const n = data.shape[0]!;
      if (n > bufferSize) {
        throw new InvalidArgumentError(
          'bufferSize',
          `is ${bufferSize}, less than the ${n} chains of a batch`,
        );
      }
      const [pickKey, renewKey, startKey, noiseKey] = split(key, 4) as [Key, Key, Key, Key];
      const picked = permutation(pickKey, bufferSize).slice(0, n);
      const renewed = uniforms(renewKey, n, 1).map((u) => (u < renewal ? 1 : 0));
      const buffer = memory.buffer!;
      const start = tidy(() => {
        const mask = tf.reshape(tf.tensor1d(renewed), [n, ...initial.eventShape.map(() => 1)]);
        const old = tf.gather(buffer, tf.tensor1d(Int32Array.from(picked), 'int32'));
        return tf.add(tf.mul(mask, initial.sample(startKey, n)), tf.mul(tf.sub(1, mask), old));
      });
      let result: ChainResult;
      try {
        result = await runChainsAsync({ ...options, energy }, start, noiseKey, asyncOptions);
      } finally {
        start.dispose();
      }
      const next = tidy(() => {
        const indices = tf.tensor2d(Int32Array.from(picked), [n, 1], 'int32');
        // The cpu backend's TensorScatterUpdate overwrites its first input, so that it must be a copy.
        return tf.tensorScatterUpdate(tf.add(buffer, 0), indices, result.x);
      });
      return { ...result, memory: { buffer: next } };
    },
  };
}
