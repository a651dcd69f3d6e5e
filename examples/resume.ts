/** Learning that stops at a checkpoint and goes on from it arrives where learning in one go does, bit for bit. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { type CheckpointTensors, checkpointName, readCheckpoint, writeCheckpoint } from '@srmcmc/checkpoint';
import { dispose, foldIn, key, uniform } from '@srmcmc/core';
import { mixture2d } from '@srmcmc/datasets';
import { loadStateDict, mlpEnergy, toStateDict } from '@srmcmc/energy';
import {
  adam,
  initialState,
  type LearningState,
  learningStep,
  momentMatching,
  noiseInitialised,
} from '@srmcmc/estimators';
import { langevin } from '@srmcmc/langevin';
import './shared/no-flags.ts';

const seed = key(7);
const toy = mixture2d();
const sampler = { kernel: 'langevin', drift: 0.02, noise: 0.2, steps: 10 } as const;
const initial = { name: 'uniform', low: -3, high: 3 } as const;

function learner() {
  const chains = { kernel: langevin(sampler), steps: sampler.steps, initial: uniform([2], initial) };
  return {
    energy: mlpEnergy({ dimension: 2, hidden: [16], key: seed }),
    chains: noiseInitialised(chains),
    estimator: momentMatching,
    optimizer: adam({ learningRate: 0.01 }),
  };
}

/** Draws depend on the seed and the iteration alone, so that nothing else is to be remembered. */
async function learn(
  of: ReturnType<typeof learner>,
  state: LearningState,
  until: number,
): Promise<LearningState> {
  while (state.iteration < until) {
    const data = tf.tensor2d(toy.sample(foldIn(seed, 2 * state.iteration), 64), [64, 2]);
    const { state: next, ...made } = await learningStep(
      of,
      state,
      data,
      foldIn(seed, 2 * state.iteration + 1),
    );
    dispose([data, state, made]);
    state = next;
  }
  return state;
}

async function toHost(tensors: Readonly<Record<string, tf.Tensor>>): Promise<CheckpointTensors> {
  const entries = Object.entries(tensors).map(async ([name, tensor]) => {
    const data = (await tensor.data()) as Float32Array;
    return [name, { shape: tensor.shape, data }] as const;
  });
  return new Map(await Promise.all(entries));
}

const whole = learner();
await learn(whole, initialState(whole, seed), 20);

const folder = await mkdtemp(join(tmpdir(), 'resume-'));
const first = learner();
const { iteration, optimizer } = await learn(first, initialState(first, seed), 10);
await writeCheckpoint(join(folder, checkpointName(iteration)), {
  iteration,
  network: first.energy.network,
  sampler: { ...sampler, initial },
  weights: await toStateDict(first.energy),
  optimizer: { step: optimizer.step, moments: await toHost(optimizer.moments) },
  chains: new Map(),
  key: seed,
  config: { data: toy.name },
  progress: {},
  software: { node: process.version },
});

const { checkpoint, path } = await readCheckpoint(folder);
const second = learner();
loadStateDict(second.energy, checkpoint.weights);
const moments = Object.fromEntries(
  [...checkpoint.optimizer.moments].map(([name, { shape, data }]) => [name, tf.tensor(data, [...shape])]),
);
const resumed = {
  iteration: checkpoint.iteration,
  optimizer: { step: checkpoint.optimizer.step, moments },
  chains: {},
};
await learn(second, resumed, 20);
console.log(`resumed from ${path.slice(folder.length + 1)} at iteration ${checkpoint.iteration}`);

const [a, b] = [await toStateDict(whole.energy), await toStateDict(second.energy)];
const equal = [...a].every(([name, { data }]) =>
  data.every((value, i) => Object.is(value, b.get(name)!.data[i])),
);
console.log(`after 20 iterations the weights are ${equal ? 'the same bits' : 'others'}`);
if (!equal) process.exitCode = 1;
await rm(folder, { recursive: true });
