/** One iteration of Algorithm 1 (Nijkamp et al. 2019): K steps from noise, the parameter gradient at x⁺ and x⁻, Adam. */
import { dispose, foldIn, key, uniform } from '@srmcmc/core';
import { type ConvEnergy, multiplyAccumulates } from '@srmcmc/energy';
import { adam, initialState, learningStep, momentMatching, noiseInitialised } from '@srmcmc/estimators';
import * as tf from '@tensorflow/tfjs-core';
import { awaitTensor } from './await-tensor.ts';
import { shortRunKernel } from './langevin-step.ts';
import type { Workload } from './workload.ts';

/** The paper's: noise added to the data, and the step size of Adam. */
const SIGMA = 0.03;
const LEARNING_RATE = 1e-4;
/** A pre-activation so near 0 that rounding decides its side of LeakyReLU, in one of three images, does not decide. */
const CHECKED_GRADIENTS = 3;
/** Forward, input gradient and filter gradient, two operations a multiply-add. */
const PARAMETER_GRADIENT_OPERATIONS = 6;

export const learningIteration: Workload = {
  name: 'learning-iteration',
  unit: 'iteration',
  description:
    'one iteration of Algorithm 1: K steps of m chains from noise, parameter gradient at x⁺ and x⁻, Adam',
  cases: ({ side, width, chains, learningSteps }) => [
    { workload: 'learning-iteration', side, width, chains, steps: learningSteps },
  ],
  unitsPerCall: () => 1,
  operations: ({ chains, steps }, network) =>
    (4 * steps! + 2 * PARAMETER_GRADIENT_OPERATIONS) * multiplyAccumulates(network) * chains,
  checkOperations: (_case, network, images) =>
    2 * PARAMETER_GRADIENT_OPERATIONS * multiplyAccumulates(network) * Math.min(images, CHECKED_GRADIENTS),
  extraInputs: () => ({}),
  prepare: ({ case: { steps }, energy, images, fused }) => {
    const learner = {
      energy,
      chains: noiseInitialised({
        kernel: shortRunKernel(fused),
        steps: steps!,
        initial: uniform(energy.eventShape),
      }),
      estimator: momentMatching,
      optimizer: adam({ learningRate: LEARNING_RATE }),
      smoothing: SIGMA,
    };
    let state = initialState(learner, key(8));
    let call = 0;
    return {
      run: async () => {
        const step = await learningStep(learner, state, images, foldIn(key(9), call++));
        dispose([state, step.samples, step.trace, step.dataValue, step.sampleValue]);
        state = step.state;
        awaitTensor(Object.values(energy.variables).at(-1)!);
      },
      check: async (count) => {
        const gradients = [];
        for (let i = 0; i < Math.min(count, CHECKED_GRADIENTS); i++) {
          gradients.push(await parameterGradient(energy, images, i));
        }
        const values = new Float32Array(gradients.length * gradients[0]!.length);
        gradients.forEach((gradient, i) => values.set(gradient, i * gradient.length));
        return { values, parts: gradients.length };
      },
      dispose: () => dispose(state),
    };
  },
};

/** Of f(x⁻) − f(x⁺), x⁺ the image of this index and x⁻ half of it, in PyTorch's layout and order. */
async function parameterGradient(
  energy: ConvEnergy,
  images: tf.Tensor4D,
  index: number,
): Promise<Float32Array> {
  const data = tf.slice(images, index, 1);
  const samples = tf.mul(data, 0.5);
  const estimate = await momentMatching.estimate(energy, data, samples);
  const values = tf.tidy(() => {
    const parts = Object.keys(energy.variables).map((name) => {
      const gradient = estimate.gradients[name]!;
      return tf.reshape(gradient.rank === 4 ? tf.transpose(gradient, [3, 2, 0, 1]) : gradient, [-1]);
    });
    return tf.concat(parts).dataSync();
  });
  dispose([data, samples, estimate.gradients, estimate.dataValue, estimate.sampleValue]);
  return Float32Array.from(values);
}
