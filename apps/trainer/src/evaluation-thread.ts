/** The other end of `evaluation-worker.ts`: a thread of its own, so that learning goes on meanwhile. */
import { Worker } from 'node:worker_threads';
import type { BackendRequest } from '@srmcmc/backends';
import type { CheckpointTensors } from '@srmcmc/checkpoint';
import type { NetworkSpec } from '@srmcmc/core';
import type { Config } from './config.ts';
import type { Evaluation } from './evaluation.ts';

/** What the thread is given at its start. */
export interface EvaluationTask {
  readonly config: Config;
  readonly network: NetworkSpec;
  readonly backend: BackendRequest;
  /** Of an example. */
  readonly shape: readonly number[];
  readonly examples: Uint8Array;
}

export interface EvaluationThread {
  /** One at a time. Rejects once the thread has failed. */
  evaluate(weights: CheckpointTensors): Promise<Evaluation>;
  /** Ends the thread; nothing may be going on in it. */
  close(): Promise<void>;
}

export function evaluationThread(task: EvaluationTask): EvaluationThread {
  const worker = workerOf(task);
  let failed: Error | undefined;
  let waiting: { resolve(evaluation: Evaluation): void; reject(error: Error): void } | undefined;
  worker.on('message', (evaluation: Evaluation) => waiting?.resolve(evaluation));
  worker.on('error', (error) => {
    failed = error instanceof Error ? error : new Error(String(error));
    waiting?.reject(failed);
  });
  return {
    evaluate: (weights) =>
      new Promise((resolve, reject) => {
        if (failed !== undefined) {
          reject(failed);
          return;
        }
        waiting = { resolve, reject };
        worker.postMessage(weights);
      }),
    close: async () => void (await worker.terminate()),
  };
}

/** From the build, or from source: tsx, which runs this process then, must be told of a thread by the thread itself. */
function workerOf(workerData: EvaluationTask): Worker {
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL('./evaluation-worker.js', import.meta.url), { workerData });
  }
  const source = new URL('./evaluation-worker.ts', import.meta.url).href;
  const start = `import('tsx/esm/api').then(({ register }) => (register(), import('${source}')))`;
  return new Worker(start, { eval: true, workerData, execArgv: ['--conditions=@srmcmc/source'] });
}
