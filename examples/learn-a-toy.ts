/** Algorithm 1 on four Gaussians in the plane, and how many samples of the learned short run lie near one. */
import * as tf from '@tensorflow/tfjs-core';
import { describeBackend, selectBackend } from '@srmcmc/backends';
import { dispose, foldIn, key, requireInteger, shortRun, uniform } from '@srmcmc/core';
import { mixture2d } from '@srmcmc/datasets';
import { mlpEnergy } from '@srmcmc/energy';
import { adam, initialState, learningStep, momentMatching, noiseInitialised } from '@srmcmc/estimators';
import { langevin } from '@srmcmc/langevin';
import { commandLine } from './shared/command-line.ts';

const { positionals } = await commandLine('[iterations]', {}, { allowPositionals: true });
const iterations = Number(positionals[0] ?? 100);
requireInteger('iterations', iterations, 1);
const batch = 128;

console.log(describeBackend(await selectBackend('auto')));
const toy = mixture2d();
const energy = mlpEnergy({ dimension: 2, hidden: [32, 32], key: key(1) });
const chains = {
  kernel: langevin({ drift: 0.1, noise: 0.1 }),
  steps: 20,
  initial: uniform([2], { low: -3, high: 3 }),
};
const learner = {
  energy,
  chains: noiseInitialised(chains),
  estimator: momentMatching,
  optimizer: adam({ learningRate: 0.01, beta1: 0.5 }),
};

let state = initialState(learner, key(2));
for (let i = 0; i < iterations; i++) {
  const data = tf.tensor2d(toy.sample(foldIn(key(3), i), batch), [batch, 2]);
  const { state: next, ...made } = await learningStep(learner, state, data, foldIn(key(4), i));
  dispose([data, state, made]);
  state = next;
}

/** The mean log-density of points under the truth: higher is nearer to a mode. */
const meanLogDensity = (points: ArrayLike<number>): number => {
  const logs = toy.logDensity(points);
  return logs.reduce((sum, value) => sum + Math.max(value, -20), 0) / logs.length;
};
const model = shortRun({ energy, ...chains });
const samples = await model.generate(model.prior(key(5), 1000), key(6)).data();
const start = await model.prior(key(5), 1000).data();
console.log(`mean log p of the truth after ${iterations} iterations: ${meanLogDensity(samples).toFixed(2)}`);
console.log(`of the noise that the chains start from: ${meanLogDensity(start).toFixed(2)}`);
console.log(`of samples of the truth: ${meanLogDensity(toy.sample(key(7), 1000)).toFixed(2)}`);
