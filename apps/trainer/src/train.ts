/** Learning a short-run generator: Algorithm 1 of Nijkamp et al. 2019, with checkpoints, pictures and a report. */
import { describeBackend, selectBackend } from '@srmcmc/backends';
import { readCheckpoint, requireWritable } from '@srmcmc/checkpoint';
import { type Dataset, dispose, InvalidArgumentError, InvalidShapeError } from '@srmcmc/core';
import { convNetworkOf, loadStateDict } from '@srmcmc/energy';
import { initialState } from '@srmcmc/estimators';
import type { Config } from './config.ts';
import { openData } from './data.ts';
import { keepLines } from './json-lines.ts';
import { restoreCheckpoint, type RunState } from './learning-run.ts';
import { type DisposableEnergy, energyFor, learnerOf, type RunKeys, runKeys } from './model.ts';
import type { OnProgress } from './progress.ts';
import { Run, type StopReason } from './run.ts';
import { createRunFolder, type RunFolder, writeConfig } from './run-folder.ts';
import { lockRun } from './run-lock.ts';
import { readWeights, weightsExtension } from './weights-file.ts';

export interface TrainOptions {
  /** Aborting it ends the run within a step of the chains, with a checkpoint of the last whole iteration and a report. */
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
  /** Go on with this run; `config` is then `resumedConfig` of its own. */
  readonly resume?: RunFolder;
  /** What the user typed, for the report. */
  readonly command?: string;
}

export interface TrainResult {
  readonly reason: StopReason;
  readonly iteration: number;
  readonly folder: RunFolder;
}

/**
 * Learns until the configured number of iterations, the time limit or the signal. Everything random is a pure
 * function of the seed and the iteration, so that a run resumed from a checkpoint goes on bit for bit.
 *
 * @throws DivergedError when all rollbacks are used up; StorageError when a file cannot be written; what opening the
 * data set, the weights and the backend throws. Checkpoints written before stay good.
 */
export async function train(given: Config, options: TrainOptions = {}): Promise<TrainResult> {
  const { signal, onProgress = () => undefined, resume, command = 'train()' } = options;
  if (given.export !== null) {
    weightsExtension('export', given.export);
    // Better known before the hours than after them.
    await requireWritable(given.export);
  }
  const backend = await selectBackend(given.backend, {
    precision: given.precision,
    threads: given.threads ?? undefined,
  });
  for (const text of describeBackend(backend).split('\n')) onProgress({ kind: 'note', text });
  const dataset = await openData(given);
  const keys = runKeys(given.seed);
  const { energy, config } = await initialEnergy(given, dataset, keys, resume !== undefined);
  const learning = initialState(learnerOf(config, energy, 1), keys.chains);
  let unlock: (() => Promise<void>) | undefined;
  try {
    let state: RunState = { learning, rollbacks: [] };
    const folder = resume ?? (await createRunFolder(config.runs, config.name ?? config.preset));
    unlock = await lockRun(folder);
    if (resume !== undefined) {
      const found = await readCheckpoint(folder.path);
      for (const { error } of found.damaged) {
        onProgress({ kind: 'note', text: `passed over a damaged checkpoint: ${error.message}` });
      }
      const { iteration } = found.checkpoint;
      if (config.iterations < iteration) {
        throw new InvalidArgumentError(
          'iterations',
          `is ${config.iterations}, but the run is already at ${iteration}: more than that goes on with it, and ` +
            'without --resume a new run begins',
        );
      }
      if (config.iterations === iteration) {
        onProgress({
          kind: 'note',
          text: `the run is complete; to go on: --iterations with more than ${iteration}`,
        });
      }
      state = restoreCheckpoint(found.checkpoint, energy, learning);
      await keepLines(folder.metrics, state.learning.iteration);
    }
    await writeConfig(folder, config);
    const parts = { config, signal, onProgress, command, folder, dataset, energy, keys, state };
    return { ...(await new Run({ ...parts, backend: backend.label }).toItsEnd()), folder };
  } finally {
    dispose(learning.optimizer.moments);
    dispose(learning.chains);
    energy.dispose();
    await unlock?.();
  }
}

/** The energy with its initial weights. Where they come from a file, the channels become those of the file. */
async function initialEnergy(
  config: Config,
  dataset: Dataset,
  keys: RunKeys,
  resumed: boolean,
): Promise<{ energy: DisposableEnergy; config: Config }> {
  if (config.initWeights === null || resumed) {
    return { energy: energyFor(config, dataset.shape, keys.weights), config };
  }
  const weights = await readWeights(config.initWeights);
  let channels = config.channels;
  if (dataset.shape.length === 3) {
    const network = convNetworkOf(weights);
    if (network.imageShape.join() !== dataset.shape.join()) {
      throw new InvalidShapeError('data (as the net of initWeights)', network.imageShape, dataset.shape);
    }
    channels = network.layers.slice(0, -1).map((layer) => layer.outChannels);
  }
  const fitted = { ...config, channels };
  const energy = energyFor(fitted, dataset.shape, keys.weights);
  try {
    loadStateDict(energy, weights);
  } catch (error) {
    energy.dispose();
    throw error;
  }
  return { energy, config: fitted };
}
