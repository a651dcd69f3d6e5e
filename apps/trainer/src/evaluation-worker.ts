/** The thread that evaluates: it is sent the weights of an iteration, and answers with their distance to the data. */
import { parentPort, workerData } from 'node:worker_threads';
import { selectBackend } from '@srmcmc/backends';
import { key } from '@srmcmc/core';
import { energyOf, loadStateDict, type StateDict } from '@srmcmc/energy';
import { evaluationOf } from './evaluation.ts';
import type { EvaluationTask } from './evaluation-thread.ts';

const { config, network, shape, examples, backend } = workerData as EvaluationTask;
await selectBackend(backend, { precision: config.precision });
// The weights that the key decides are replaced by those that come.
const energy = energyOf(network, key(0));
const evaluate = await evaluationOf(config, shape, examples);

parentPort!.on('message', async (weights: StateDict) => {
  loadStateDict(energy, weights);
  // What is thrown here ends the thread, which tells the run.
  parentPort!.postMessage(await evaluate(energy));
});
