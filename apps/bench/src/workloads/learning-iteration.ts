/** One iteration of Algorithm 1 (Nijkamp et al. 2019): K steps from noise, the parameter gradient at x⁺ and x⁻, Adam. */
import { type ConvNetworkSpec, dispose, foldIn, key, uniform } from '@srmcmc/core';
import { type ConvEnergy, multiplyAccumulates, toStateDict } from '@srmcmc/energy';
import { adam, initialState, learningStep, momentMatching, noiseInitialised } from '@srmcmc/estimators';
import * as tf from '@tensorflow/tfjs-core';
import { awaitTensor } from './reading.ts';
import { shortRunKernel } from './langevin-step.ts';
import type { Checked, Workload } from './workload.ts';

/** The paper's: noise added to the data, and the step size of Adam. */
const SIGMA = 0.03;
export const LEARNING_RATE = 1e-4;
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
    4 * steps! * multiplyAccumulates(network) * chains + gradientOperations(network, chains),
  checkOperations: (_case, network, images) => gradientCheckOperations(network, images),
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
      check: (count) => checkGradients(energy, images, count),
      dispose: () => dispose(state),
    };
  },
};

/** Gradients of f(x⁻) − f(x⁺), one for each of a few images: x⁺ the image and x⁻ half of it. */
export async function checkGradients(
  energy: ConvEnergy,
  images: tf.Tensor4D,
  count: number,
): Promise<Checked> {
  const parts = Math.min(count, CHECKED_GRADIENTS);
  const all: Float32Array[] = [];
  let seconds = 0;
  for (let i = 0; i < parts; i++) {
    const data = tf.slice(images, i, 1);
    const samples = tf.mul(data, 0.5);
    const start = performance.now();
    const estimate = await momentMatching.estimate(energy, data, samples);
    awaitTensor(Object.values(estimate.gradients).at(-1)!);
    seconds += (performance.now() - start) / 1000;
    all.push(await inOrderOfPyTorch(energy, estimate.gradients));
    dispose([data, samples, estimate.gradients, estimate.dataValue, estimate.sampleValue]);
  }
  return { values: joined(all), parts, seconds };
}

/** Operations of the gradient for m data and m samples, and of a check of it. */
export const gradientOperations = (network: ConvNetworkSpec, m: number): number =>
  2 * PARAMETER_GRADIENT_OPERATIONS * multiplyAccumulates(network) * m;
export const gradientCheckOperations = (network: ConvNetworkSpec, images: number): number =>
  gradientOperations(network, Math.min(images, CHECKED_GRADIENTS));

/** Tensors named and laid out as the variables are, in their order and PyTorch's layout. */
export async function inOrderOfPyTorch(
  { variables }: ConvEnergy,
  tensors: Readonly<Record<string, tf.Tensor>>,
): Promise<Float32Array> {
  const inOrder = Object.fromEntries(Object.keys(variables).map((name) => [name, tensors[name]!]));
  const stateDict = await toStateDict({ variables: inOrder });
  return joined(Array.from(stateDict.values(), ({ data }) => data));
}

function joined(arrays: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  arrays.reduce((at, array) => {
    all.set(array, at);
    return at + array.length;
  }, 0);
  return all;
}
