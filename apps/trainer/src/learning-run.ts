/** The state of a run between iterations, and its way into a checkpoint and back. */
import * as tf from '@tensorflow/tfjs-core';
import {
  type Checkpoint,
  type CheckpointTensor,
  type CheckpointTensors,
  type Json,
} from '@srmcmc/checkpoint';
import { CorruptCheckpointError } from '@srmcmc/core';
import { loadStateDict, toStateDict } from '@srmcmc/energy';
import type { LearningState } from '@srmcmc/estimators';
import type { Config } from './config.ts';
import { type DisposableEnergy, runKeys, samplerOf } from './model.ts';

/** A divergence that was survived. */
export interface Rollback {
  /** The iteration that failed, and the one that learning went back to. */
  readonly from: number;
  readonly to: number;
  readonly reason: string;
  /** The factor on the learning rate ever since. */
  readonly learningRateScale: number;
}

/** All that a run carries along, besides the energy's variables. */
export interface RunState {
  readonly learning: LearningState;
  readonly rollbacks: readonly Rollback[];
}

/** What rollbacks have left of the learning rate. */
export function learningRateScale({ rollbacks }: Pick<RunState, 'rollbacks'>): number {
  return rollbacks.at(-1)?.learningRateScale ?? 1;
}

/** The checkpoint of a state. Reads tensors back; borrows everything. */
export async function captureCheckpoint(
  config: Config,
  energy: DisposableEnergy,
  { learning, rollbacks }: RunState,
  software: Readonly<Record<string, string>>,
): Promise<Checkpoint> {
  return {
    iteration: learning.iteration,
    network: energy.network,
    sampler: samplerOf(config),
    weights: await toStateDict(energy),
    optimizer: { step: learning.optimizer.step, moments: await readAll(learning.optimizer.moments) },
    chains: await readAll(learning.chains),
    key: runKeys(config.seed).root,
    config: config as unknown as Checkpoint['config'],
    progress: { rollbacks: rollbacks as unknown as Json },
    software,
  };
}

/**
 * Puts a checkpoint's weights into the energy and gives back the state, whose tensors are the caller's. `fresh`, an
 * initial state, tells what tensors are expected; it is borrowed.
 *
 * @throws CorruptCheckpointError when it is of another net or another optimizer.
 */
export function restoreCheckpoint(
  checkpoint: Checkpoint,
  energy: DisposableEnergy,
  fresh: LearningState,
): RunState {
  if (JSON.stringify(checkpoint.network) !== JSON.stringify(energy.network)) {
    throw new CorruptCheckpointError('the checkpoint is of another network than the configuration describes');
  }
  requireSame('optimizer moments', checkpoint.optimizer.moments, fresh.optimizer.moments);
  requireSame('chain memory', checkpoint.chains, fresh.chains);
  loadStateDict(energy, checkpoint.weights);
  return {
    learning: {
      iteration: checkpoint.iteration,
      optimizer: { step: checkpoint.optimizer.step, moments: tensorsOf(checkpoint.optimizer.moments) },
      chains: tensorsOf(checkpoint.chains),
    },
    rollbacks: (checkpoint.progress.rollbacks ?? []) as unknown as Rollback[],
  };
}

function requireSame(
  what: string,
  stored: CheckpointTensors,
  expected: Readonly<Record<string, tf.Tensor>>,
): void {
  const describe = (entries: Iterable<readonly [string, { readonly shape: readonly number[] }]>): string =>
    [...entries]
      .map(([name, { shape }]) => `${name} [${shape.join(', ')}]`)
      .sort()
      .join('; ');
  if (describe(stored) !== describe(Object.entries(expected))) {
    throw new CorruptCheckpointError(`the checkpoint's ${what} do not fit the configuration`);
  }
}

async function readAll(tensors: Readonly<Record<string, tf.Tensor>>): Promise<Map<string, CheckpointTensor>> {
  const entries = Object.entries(tensors).map(async ([name, tensor]) => {
    return [name, { shape: [...tensor.shape], data: (await tensor.data()) as Float32Array }] as const;
  });
  return new Map(await Promise.all(entries));
}

function tensorsOf(stored: CheckpointTensors): Record<string, tf.Tensor> {
  return Object.fromEntries(
    [...stored].map(([name, { shape, data }]) => [name, tf.tensor(data, [...shape], 'float32')]),
  );
}
