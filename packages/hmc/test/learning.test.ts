import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { expect, test } from 'vitest';
import { dispose, foldIn, key, type Key, normals, shortRun, split, uniform, uniforms } from '@srmcmc/core';
import { mlpEnergy } from '@srmcmc/energy';
import { adam, initialState, learningStep, momentMatching, noiseInitialised } from '@srmcmc/estimators';
import { hmc } from '@srmcmc/hmc';
import { registerNativeBackend } from '@srmcmc/native';

/** 0.3 N(−1, 0.2²) + 0.7 N(0.8, 0.3²). */
function truth(from: Key, n: number): Float32Array {
  const [pick, place] = split(from) as [Key, Key];
  const z = normals(place, n, 1);
  return uniforms(pick, n, 1).map((u, i) => (u < 0.3 ? -1 + 0.2 * z[i]! : 0.8 + 0.3 * z[i]!));
}

/** Wasserstein's distance between two samples of one size: the mean gap between their order statistics. */
function distance(a: Float32Array, b: Float32Array): number {
  const [first, second] = [a.slice().sort(), b.slice().sort()];
  return first.reduce((sum, x, i) => sum + Math.abs(x - second[i]!) / first.length, 0);
}

const [BATCH, SAMPLES] = [64, 2000];

test('a generator of 5 HMC steps learns a mixture from data', async () => {
  if (registerNativeBackend()) await tf.setBackend('srmcmc-native');
  const energy = mlpEnergy({ dimension: 1, hidden: [32, 32], key: key(1) });
  const chains = {
    kernel: hmc({ stepSize: 0.4, leapfrogSteps: 2, temperature: 0.05 }),
    steps: 5,
    initial: uniform([1], { low: -2, high: 2 }),
  };
  const model = shortRun({ energy, ...chains });
  const error = async (): Promise<number> => {
    const z = model.prior(key(5), SAMPLES);
    const x = (await model.generate(z, key(6)).data()) as Float32Array;
    return distance(x, truth(key(7), SAMPLES));
  };
  const before = await error();
  const optimizer = adam({ learningRate: (i) => (i < 80 ? 0.02 : 0.004), beta1: 0.5 });
  const learner = { energy, chains: noiseInitialised(chains), estimator: momentMatching, optimizer };
  let state = initialState(learner, key(0));
  for (let i = 0; i < 120; i++) {
    const data = tf.tensor2d(truth(foldIn(key(2), i), BATCH), [BATCH, 1]);
    const { state: next, ...made } = await learningStep(learner, state, data, foldIn(key(3), i));
    dispose([data, state, made]);
    state = next;
  }
  // Two samples of the truth are about 0.03 apart.
  expect(before).toBeGreaterThan(0.3);
  expect(await error()).toBeLessThan(0.15);
});
