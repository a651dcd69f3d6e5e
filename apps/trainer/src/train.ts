/** Learning a short-run generator: Algorithm 1 of Nijkamp et al. 2019, with checkpoints, pictures and a report. */
import { describeBackend, selectBackend } from '@srmcmc/backends';
import { readCheckpoint, requireWritable } from '@srmcmc/checkpoint';
import { type Dataset, dispose, InvalidArgumentError, InvalidShapeError } from '@srmcmc/core';
import { leftOut } from '@srmcmc/datasets';
import { convNetworkOf, loadStateDict } from '@srmcmc/energy';
import { initialState } from '@srmcmc/estimators';
import type { Config, ConfigField } from './config.ts';
import { openData } from './data.ts';
import { idleFields } from './idle-fields.ts';
import { keepIterations, missingIterations } from './json-lines.ts';
import { restoreCheckpoint, type RunState } from './learning-run.ts';
import { channelsOf, type DisposableEnergy, energyFor, learnerOf, type RunKeys, runKeys } from './model.ts';
import type { OnProgress } from './progress.ts';
import { Run, type StopReason } from './run.ts';
import { createRunFolder, type RunFolder, writeConfig } from './run-folder.ts';
import { lockRun } from './run-lock.ts';
import { requirePicture, withoutPictures } from './samples.ts';
import { readWeights, weightsExtension } from './weights-file.ts';

export interface TrainOptions {
  /** Aborting it ends the run within a step of the chains, with a checkpoint of the last whole iteration and a report. */
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
  /** Go on with this run; `config` is then `resumedConfig` of its own. */
  readonly resume?: RunFolder;
  /**
   * Fields that somebody chose one by one, where others come from a file or a preset: they are told of those that have no
   * effect, and initial weights must have the channels chosen. Otherwise a run takes the channels of the weights.
   */
  readonly chosen?: readonly ConfigField[];
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
  const { signal, onProgress = () => undefined, resume, chosen = [], command = 'train()' } = options;
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
  const left = leftOut(dataset);
  if (left !== undefined) onProgress({ kind: 'note', text: `skipBad: ${left}` });
  for (const text of idleFields(chosen, given, dataset.shape)) onProgress({ kind: 'note', text });
  requirePicture(given, dataset);
  const lacking = withoutPictures(dataset);
  if (lacking !== undefined) onProgress({ kind: 'note', text: lacking });
  const keys = runKeys(given.seed);
  const { energy, config } =
    resume === undefined && given.initWeights !== null
      ? await loadedEnergy(given, given.initWeights, dataset, keys, chosen.includes('channels'))
      : { energy: energyFor(given, dataset.shape, keys.weights), config: given };
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
      await keepIterations(folder.metrics, iteration);
      const missing = await missingIterations(folder.metrics, iteration);
      if (missing !== undefined) {
        const text = `${folder.metrics} is damaged: it lacks iterations ${missing}, and the curves have a gap there`;
        onProgress({ kind: 'note', text });
      }
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

/** The energy with the weights of a file. The channels become those of the file, or must be. */
async function loadedEnergy(
  config: Config,
  file: string,
  dataset: Dataset,
  keys: RunKeys,
  keepChannels: boolean,
): Promise<{ energy: DisposableEnergy; config: Config }> {
  const weights = await readWeights(file);
  let channels = config.channels;
  if (dataset.shape.length === 3) {
    const network = convNetworkOf(weights);
    if (network.imageShape.join() !== dataset.shape.join()) {
      throw new InvalidShapeError('data (as the net of initWeights)', network.imageShape, dataset.shape);
    }
    channels = network.layers.slice(0, -1).map((layer) => layer.outChannels);
    const wanted = channelsOf(config, network.imageShape[0]);
    if (keepChannels && wanted.join() !== channels.join()) {
      throw new InvalidArgumentError(
        'channels',
        `${wanted.join(',')} asked for, but the net of ${file} has ${channels.join(',')}: leave --channels out, and ` +
          'the net is read off the file',
      );
    }
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
