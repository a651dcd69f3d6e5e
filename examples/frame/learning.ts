/** Algorithm 1 on patches of a data set, and the samples of what it has learned. */
import * as tf from '@tensorflow/tfjs-core';
import {
  batches,
  type Dataset,
  dispose,
  type Energy,
  foldIn,
  type Key,
  shortRun,
  split,
  uniform,
} from '@srmcmc/core';
import {
  initialState,
  type Learner,
  type LearningState,
  learningStep,
  momentMatching,
  noiseInitialised,
  type Optimizer,
} from '@srmcmc/estimators';
import { langevin } from '@srmcmc/langevin';
import { progress } from '../shared/progress.ts';
import { PATCH, patchesOf } from './patches.ts';

/** The paper's dynamics, from the paper's noise, in fewer steps for smaller images: far from converged. */
const chains = { kernel: langevin({ drift: 1, noise: 0.01 }), steps: 25, initial: uniform(PATCH) };

/** Chains that run together once learning is over. */
const AT_ONCE = 250;
const SECONDS_BETWEEN_REPORTS = 10;

export interface Budget {
  readonly iterations: number;
  /** Patches and chains of one iteration. */
  readonly batch: number;
}

/** Learns the energy's variables, each iteration from fresh noise. @returns the optimizer's state after the last one. */
export async function learn(
  name: string,
  energy: Energy,
  data: Dataset,
  {
    iterations,
    batch,
    optimizer,
    key,
    smoothing = 0,
  }: Budget & { optimizer: Optimizer; key: Key; smoothing?: number },
): Promise<LearningState['optimizer']> {
  const learner: Learner = {
    energy,
    chains: noiseInitialised(chains),
    estimator: momentMatching,
    optimizer,
    smoothing,
  };
  const [stateKey, dataKey, stepKey] = split(key, 3) as [Key, Key, Key];
  const stream = batches(data, { batchSize: batch, key: dataKey });
  const report = progress(SECONDS_BETWEEN_REPORTS, (share, left) => {
    const done = Math.round(share * iterations);
    console.error(`${name}: ${done} of ${iterations} iterations, ${(left / 60).toFixed(1)} minutes left`);
  });
  let state = initialState(learner, stateKey);
  for (let i = 0; i < iterations; i++) {
    const { indices } = (await stream.next()).value;
    const patches = await patchesOf(data, indices);
    const { state: next, ...made } = await learningStep(learner, state, patches, foldIn(stepKey, i));
    dispose([patches, state, made]);
    state = next;
    report((i + 1) / iterations);
  }
  return state.optimizer;
}

/** Fresh short runs, [n, ...PATCH]. */
export async function samplesOf(energy: Energy, n: number, key: Key): Promise<tf.Tensor> {
  const model = shortRun({ ...chains, energy });
  const parts: tf.Tensor[] = [];
  for (let first = 0; first < n; first += AT_ONCE) {
    const [startKey, noiseKey] = split(foldIn(key, first)) as [Key, Key];
    const z = model.prior(startKey, Math.min(AT_ONCE, n - first));
    parts.push(await model.generateAsync(z, noiseKey));
    z.dispose();
  }
  const all = tf.concat(parts);
  dispose(parts);
  return all;
}
