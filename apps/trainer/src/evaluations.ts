/**
 * The evaluations of a run: evaluations.jsonl, and best/, the checkpoints that were the best when they were evaluated.
 *
 * Their order on the disk is what a crash leaves whole: a checkpoint of best/, then its line, then a checkpoint of the
 * run that is later. A line's checkpoint is therefore there, and a resumed run lacks at most the evaluation of the
 * iteration it resumes at, which it makes again.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { BackendRequest } from '@srmcmc/backends';
import {
  type Checkpoint,
  checkpointName,
  listCheckpoints,
  storing,
  writeCheckpoint,
} from '@srmcmc/checkpoint';
import type { Dataset, NetworkSpec } from '@srmcmc/core';
import type { Config } from './config.ts';
import { type Evaluation, referenceIndices } from './evaluation.ts';
import { type EvaluationThread, evaluationThread } from './evaluation-thread.ts';
import { toBytes } from './draw-samples.ts';
import { type JsonLines, keepIterations, openJsonLines, readJsonLines } from './json-lines.ts';
import type { RunFolder } from './run-folder.ts';

/** A line of evaluations.jsonl. */
export interface EvaluationRecord extends Evaluation {
  readonly iteration: number;
}

export interface EvaluationsParts {
  readonly config: Config;
  readonly folder: RunFolder;
  readonly dataset: Dataset;
  readonly network: NetworkSpec;
  /** Told once when evaluating has failed. Learning goes on without it. */
  readonly onFailure: (error: Error) => void;
}

export class Evaluations {
  readonly #parts: EvaluationsParts;
  readonly #lines: JsonLines;
  #records: EvaluationRecord[];
  #thread: EvaluationThread | undefined;
  #pending: Promise<void> = Promise.resolve();
  #failed = false;

  /** With what there is up to this iteration; the rest is deleted. Throws StorageError. */
  static async open(parts: EvaluationsParts, iteration: number): Promise<Evaluations> {
    const records = await keepUpTo(iteration, parts.folder);
    return new Evaluations(parts, records, await openJsonLines(parts.folder.evaluations));
  }

  private constructor(parts: EvaluationsParts, records: EvaluationRecord[], lines: JsonLines) {
    this.#parts = parts;
    this.#records = records;
    this.#lines = lines;
  }

  get records(): readonly EvaluationRecord[] {
    return this.#records;
  }

  /** Whether an iteration is to be evaluated and has not been. */
  isDue(iteration: number): boolean {
    const { evaluateEvery, iterations } = this.#parts.config;
    if (evaluateEvery === null || this.#failed || iteration === 0) return false;
    return (
      (iteration % evaluateEvery === 0 || iteration === iterations) &&
      !this.#records.some((record) => record.iteration === iteration)
    );
  }

  /** Begins to evaluate a checkpoint, once the one before it is done. */
  async start(checkpoint: Checkpoint): Promise<void> {
    await this.settled();
    this.#pending = this.#evaluate(checkpoint);
    // It is awaited later.
    this.#pending.catch(() => undefined);
  }

  /** When all that was begun is on the disk. Throws StorageError. */
  async settled(): Promise<void> {
    await this.#pending;
    await this.#lines.sync();
  }

  /** Forgets the evaluations of later iterations, which a rollback has undone. */
  async dropAfter(iteration: number): Promise<void> {
    await this.settled();
    this.#records = await keepUpTo(iteration, this.#parts.folder);
  }

  /** Deletes what is not the best after any of the checkpoints that the run may go back to. */
  async prune(): Promise<void> {
    const { folder } = this.#parts;
    const [oldest] = await listCheckpoints(folder.checkpoints);
    const entries = await listCheckpoints(folder.best);
    const standing = entries.findLastIndex(({ iteration }) => iteration <= (oldest?.iteration ?? 0));
    for (const { path } of entries.slice(0, Math.max(standing, 0))) await rm(path, { force: true });
  }

  async close(): Promise<void> {
    await this.#pending.catch(() => undefined);
    await this.#thread?.close();
    await this.#lines.close();
  }

  async #evaluate(checkpoint: Checkpoint): Promise<void> {
    const { folder, onFailure } = this.#parts;
    if (this.#failed) return;
    let evaluation: Evaluation;
    try {
      this.#thread ??= await this.#startThread();
      evaluation = await this.#thread.evaluate(checkpoint.weights);
    } catch (error) {
      this.#failed = true;
      onFailure(error as Error);
      return;
    }
    const record = { iteration: checkpoint.iteration, ...evaluation };
    if (bestOf([...this.#records, record]) === record) {
      await storing(folder.best, () => mkdir(folder.best, { recursive: true }));
      await writeCheckpoint(join(folder.best, checkpointName(record.iteration)), checkpoint);
    }
    await this.#lines.append(record);
    this.#records.push(record);
  }

  async #startThread(): Promise<EvaluationThread> {
    const { config, dataset, network } = this.#parts;
    const values = await dataset.gather(referenceIndices(dataset.size));
    const examples = values instanceof Float32Array ? toBytes(values) : values;
    const backend = backendOfThread();
    return evaluationThread({ config, network, shape: dataset.shape, examples, backend });
  }
}

/** The best of those that compare with the last one; the earliest of equals. Undefined where there is none. */
export function bestOf(records: readonly EvaluationRecord[]): EvaluationRecord | undefined {
  const source = JSON.stringify(records.at(-1)?.computedWith);
  return records
    .filter(({ computedWith }) => JSON.stringify(computedWith) === source)
    .reduce<EvaluationRecord | undefined>(
      (best, one) => (best !== undefined && best.distance <= one.distance ? best : one),
      undefined,
    );
}

/** The lines up to an iteration; later ones are deleted, and checkpoints of best/ that have no line. */
async function keepUpTo(iteration: number, folder: RunFolder): Promise<EvaluationRecord[]> {
  await keepIterations(folder.evaluations, iteration);
  const records = await readJsonLines<EvaluationRecord>(folder.evaluations);
  for (const entry of await listCheckpoints(folder.best)) {
    if (!records.some((record) => record.iteration === entry.iteration))
      await rm(entry.path, { force: true });
  }
  return records;
}

/** The run's own, but for TensorFlow's, whose library serves one thread of a process. */
function backendOfThread(): BackendRequest {
  const name = tf.getBackend();
  return name === 'wasm' || name === 'cpu' ? name : 'native';
}
