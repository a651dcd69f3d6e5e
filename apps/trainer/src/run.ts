/** One process' share of a run: the loop of iterations, and what is written and told meanwhile. */
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { type Checkpoint, checkpointName, writeCheckpoint } from '@srmcmc/checkpoint';
import {
  type Batch,
  batches,
  CancelledError,
  type Dataset,
  dispose,
  elements,
  foldIn,
  valueAt,
} from '@srmcmc/core';
import { initialState, learningStep } from '@srmcmc/estimators';
import type { Config } from './config.ts';
import { examplesTensor, nextBatch } from './data.ts';
import { divergedError, divergence } from './divergence.ts';
import { bestOf, Evaluations } from './evaluations.ts';
import { type JsonLines, keepIterations, openJsonLines } from './json-lines.ts';
import {
  captureCheckpoint,
  learningRateScale,
  restoreCheckpoint,
  type Rollback,
  type RunState,
} from './learning-run.ts';
import { type CheckedMeasurement, measure, type Measurement } from './measure.ts';
import { annealed, type DisposableEnergy, learnerOf, type RunKeys } from './model.ts';
import type { OnProgress } from './progress.ts';
import { writeReport } from './report.ts';
import { lastScheduledCheckpoint, pruneCheckpoints, type RunFolder } from './run-folder.ts';
import type { LogRecord } from './run-log.ts';
import { dropPicturesAfter, type SamplePictures, samplePictures } from './samples.ts';
import { softwareVersions } from './software.ts';
import { speedometer } from './speed.ts';
import { writeWeights } from './weights-file.ts';

/** Why a run stopped. */
export type StopReason = 'completed' | 'interrupted' | 'time limit';

/** Seconds between records of the speed. */
const SPEED_SECONDS = 5;

export interface RunParts {
  readonly config: Config;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress: OnProgress;
  readonly command: string;
  readonly folder: RunFolder;
  readonly dataset: Dataset;
  readonly energy: DisposableEnergy;
  readonly keys: RunKeys;
  readonly backend: string;
  readonly state: RunState;
}

/** One process' share of a run. It disposes the tensors of the state it was given. */
export class Run {
  readonly #parts: RunParts;
  readonly #onProgress: OnProgress;
  readonly #software: Readonly<Record<string, string>>;
  readonly #speed = speedometer();
  readonly #begun = performance.now();
  #state: RunState;
  #metrics!: JsonLines;
  #log!: JsonLines;
  #pictures: SamplePictures | undefined;
  #evaluations: Evaluations | undefined;
  #speedLoggedAt = 0;

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.#state = parts.state;
    this.#onProgress = parts.onProgress;
    this.#software = softwareVersions(parts.backend);
  }

  /** Learns until the iterations, the time limit or the signal end it; a report is written in any case. */
  async toItsEnd(): Promise<{ reason: StopReason; iteration: number }> {
    const { config, folder, dataset, energy, keys } = this.#parts;
    this.#metrics = await openJsonLines(folder.metrics);
    this.#log = await openJsonLines(folder.log);
    try {
      this.#pictures = await samplePictures(config, energy, dataset, keys.samples, folder.samples);
      this.#evaluations = await this.#openEvaluations();
      await this.#logSession();
      this.#note(`run: ${folder.path}, from iteration ${this.#iteration} of ${config.iterations}`, false);
      if (this.#iteration === 0) {
        await this.#checkpoint();
        await this.#pictures?.draw(0);
      }
      const reason = await this.#learn();
      await this.#finish();
      return { reason, iteration: this.#iteration };
    } finally {
      dispose(this.#state.learning.optimizer.moments);
      dispose(this.#state.learning.chains);
      await this.#evaluations?.close();
      await this.#metrics.close();
      await this.#log.close();
      await writeReport(folder).catch((error: Error) => {
        this.#onProgress({ kind: 'note', text: `no report: ${error.message}` });
      });
    }
  }

  get #iteration(): number {
    return this.#state.learning.iteration;
  }

  async #learn(): Promise<StopReason> {
    const { config, signal } = this.#parts;
    let stream = this.#batches();
    // A run that was broken off lacks the evaluation of its last checkpoint.
    await this.#evaluate();
    while (this.#iteration < config.iterations) {
      if (signal?.aborted) return 'interrupted';
      if (config.maxMinutes !== null && this.#seconds >= 60 * config.maxMinutes) return 'time limit';
      let problem: string | undefined;
      try {
        problem = await this.#iterate(stream);
      } catch (error) {
        // The iteration was not made: the state is that of the last one.
        if (error instanceof CancelledError) return 'interrupted';
        throw error;
      }
      if (problem !== undefined) {
        await this.#rollBack(problem);
        stream = this.#batches();
        continue;
      }
      if (this.#iteration % config.checkpointEvery === 0) await this.#checkpoint();
      await this.#evaluate();
      if (this.#iteration % config.sampleEvery === 0) await this.#pictures?.draw(this.#iteration);
      // Signals and timers get their turn between iterations.
      await new Promise(setImmediate);
    }
    return 'completed';
  }

  /** One iteration; what went wrong, if anything did. The state has then moved on all the same. */
  async #iterate(stream: AsyncGenerator<Batch, never, void>): Promise<string | undefined> {
    const begun = performance.now();
    const { config, dataset, energy, folder, keys } = this.#parts;
    const batch = await nextBatch(stream, folder.path);
    const { learning } = this.#state;
    const scale = learningRateScale(this.#state);
    const data = examplesTensor(batch, dataset.shape);
    const step = await learningStep(
      learnerOf(config, energy, scale),
      learning,
      data,
      foldIn(keys.learning, learning.iteration),
      { signal: this.#parts.signal },
    ).finally(() => data.dispose());
    dispose(learning.optimizer.moments);
    dispose(learning.chains);
    this.#state = { ...this.#state, learning: step.state };
    const checked = await measure(step, energy.variables);
    dispose(step.trace);
    dispose([step.samples, step.dataValue, step.sampleValue]);
    const problem = divergence(checked, config, elements(energy.eventShape));
    if (problem !== undefined) return problem;
    this.#speed.record((performance.now() - begun) / 1000);
    await this.#tell(withRates(checked, config, learning.iteration, scale));
    return undefined;
  }

  async #tell(measurement: Measurement): Promise<void> {
    const { config } = this.#parts;
    await this.#metrics.append(measurement);
    const iterationsPerSecond = this.#speed.iterationsPerSecond();
    const memory = process.memoryUsage.rss();
    const toDo = (config.iterations - measurement.iteration) / iterationsPerSecond;
    const allowed = config.maxMinutes === null ? Infinity : 60 * config.maxMinutes - this.#seconds;
    this.#onProgress({
      kind: 'iteration',
      measurement,
      iterations: config.iterations,
      iterationsPerSecond,
      secondsLeft: Math.max(0, Math.min(toDo, allowed)),
      limited: allowed < toDo,
      memory,
      evaluation: this.#evaluations?.records.at(-1),
    });
    if (this.#seconds - this.#speedLoggedAt >= SPEED_SECONDS) await this.#logSpeed();
  }

  async #logSpeed(): Promise<void> {
    this.#speedLoggedAt = this.#seconds;
    const memory = process.memoryUsage.rss();
    await this.#append({ kind: 'speed', iteration: this.#iteration, seconds: this.#seconds, memory });
  }

  /** Back to the last scheduled checkpoint with a smaller learning rate; DivergedError when that was tried enough. */
  async #rollBack(problem: string): Promise<void> {
    const { config, folder, energy, keys } = this.#parts;
    const from = this.#iteration;
    const { rollbacks } = this.#state;
    if (rollbacks.length >= config.maxRollbacks) throw divergedError(problem, from, rollbacks);
    const scale = learningRateScale(this.#state) * config.rollbackFactor;
    dispose(this.#state.learning.optimizer.moments);
    dispose(this.#state.learning.chains);
    const fresh = initialState(learnerOf(config, energy, 1), keys.chains);
    const restored = restoreCheckpoint(
      await lastScheduledCheckpoint(folder, config.checkpointEvery),
      energy,
      fresh,
    );
    dispose(fresh.optimizer.moments);
    dispose(fresh.chains);
    const to = restored.learning.iteration;
    const rollback: Rollback = { from, to, reason: problem, learningRateScale: scale };
    this.#state = { learning: restored.learning, rollbacks: [...rollbacks, rollback] };
    await keepIterations(folder.metrics, to);
    await dropPicturesAfter(to, folder.samples);
    await this.#evaluations?.dropAfter(to);
    this.#note(
      `iteration ${from}: ${problem}; back to iteration ${to} with learning rate ` +
        `${(config.learningRate * scale).toPrecision(3)} (rollback ${rollbacks.length + 1} of ${config.maxRollbacks})`,
    );
  }

  async #checkpoint(): Promise<void> {
    const { config, folder } = this.#parts;
    // Metrics and evaluations first, so that none is missing for an iteration that a checkpoint has.
    await this.#metrics.sync();
    await this.#evaluations?.settled();
    await writeCheckpoint(join(folder.checkpoints, checkpointName(this.#iteration)), await this.#captured());
    await pruneCheckpoints(folder, config.keep, config.checkpointEvery);
    await this.#evaluations?.prune();
  }

  #captured(): Promise<Checkpoint> {
    const { config, energy } = this.#parts;
    return captureCheckpoint(config, energy, this.#state, this.#software);
  }

  async #openEvaluations(): Promise<Evaluations | undefined> {
    const { config, folder, dataset, energy } = this.#parts;
    if (dataset.shape.length !== 3) return undefined;
    const { network } = energy;
    const onFailure = (error: Error): void => this.#note(`no more evaluations: ${error.message}`);
    return Evaluations.open({ config, folder, dataset, network, onFailure }, this.#iteration);
  }

  async #evaluate(): Promise<void> {
    if (this.#evaluations?.isDue(this.#iteration)) await this.#evaluations.start(await this.#captured());
  }

  async #finish(): Promise<void> {
    const { config, folder } = this.#parts;
    await this.#logSpeed();
    if (this.#iteration % config.checkpointEvery !== 0) await this.#checkpoint();
    if (this.#iteration % config.sampleEvery !== 0) await this.#pictures?.draw(this.#iteration);
    await this.#evaluations?.settled();
    const evaluation = this.#evaluations?.records.at(-1);
    if (evaluation !== undefined) this.#onProgress({ kind: 'evaluation', evaluation });
    const best = bestOf(this.#evaluations?.records ?? []);
    if (best !== undefined) {
      this.#note(
        `best: iteration ${best.iteration}, distance ${best.distance.toPrecision(3)}, in ${folder.best}`,
        false,
      );
    }
    if (config.export === null || this.#iteration < config.iterations) return;
    await writeWeights(config.export, (await this.#captured()).weights);
    this.#note(`weights: ${config.export}`);
  }

  /** Batch b is a function of the seed and b, so a resumed run sees what it would have seen. */
  #batches(): AsyncGenerator<Batch, never, void> {
    const { config, dataset, keys } = this.#parts;
    return batches(dataset, { batchSize: config.batch, key: keys.data, start: this.#iteration });
  }

  get #seconds(): number {
    return (performance.now() - this.#begun) / 1000;
  }

  async #logSession(): Promise<void> {
    const { command, dataset, energy, backend } = this.#parts;
    await this.#append({
      kind: 'session',
      time: new Date().toISOString(),
      iteration: this.#iteration,
      command,
      backend,
      dataset: `${dataset.name} [${dataset.shape.join(', ')}]`,
      examples: dataset.size,
      parameters: Object.values(energy.variables).reduce((total, variable) => total + variable.size, 0),
      software: this.#software,
      processors: `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? 'unknown'}`,
    });
    if (this.#iteration === 0) return;
    this.#note(`resumed at iteration ${this.#iteration}`);
  }

  #note(text: string, keep = true): void {
    this.#onProgress({ kind: 'note', text });
    if (!keep) return;
    // A log line that cannot be written is no reason to stop; the next file that cannot be is.
    this.#append({ kind: 'note', time: new Date().toISOString(), iteration: this.#iteration, text }).catch(
      () => undefined,
    );
  }

  #append(record: LogRecord): Promise<void> {
    return this.#log.append(record);
  }
}

function withRates(
  { weightSum: _checked, ...measured }: CheckedMeasurement,
  config: Config,
  index: number,
  scale: number,
): Measurement {
  const { learningRate, learningRateDecay, sigma, sigmaDecay } = config;
  return {
    ...measured,
    learningRate: valueAt(annealed(config, learningRate * scale, learningRateDecay), index),
    sigma: valueAt(annealed(config, sigma, sigmaDecay), index),
  };
}
