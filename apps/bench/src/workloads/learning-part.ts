/** The parts of a learning iteration that its chains' steps outweigh, one at a time. */
import { dispose } from '@srmcmc/core';
import { parameterCount } from '@srmcmc/energy';
import { adam, momentMatching } from '@srmcmc/estimators';
import * as tf from '@tensorflow/tfjs-core';
import { type Case, LEARNING_PARTS, type LearningPart } from '../protocol.ts';
import { awaitTensor } from './reading.ts';
import {
  checkGradients,
  gradientCheckOperations,
  gradientOperations,
  inOrderOfPyTorch,
  LEARNING_RATE,
} from './learning-iteration.ts';
import type { Prepared, Work, Workload } from './workload.ts';

/** Of Adam, for each weight: two averages, 3 and 4, a root, two quotients, ε, and the step, 2. */
const UPDATE_OPERATIONS = 13;
/** Updates whose sum is compared, in units of the learning rate, and the gradient of each over the weights. */
const CHECKED_UPDATES = [1, -0.5, 0.25];

export const learningPart: Workload = {
  name: 'learning-part',
  unit: 'call',
  description:
    "one part of an iteration of Algorithm 1: the parameter gradient at x⁺ and x⁻, or Adam's update",
  cases: ({ side, width, chains }) =>
    LEARNING_PARTS.map((part): Case => ({ workload: 'learning-part', side, width, chains, part })),
  unitsPerCall: () => 1,
  operations: ({ part, chains }, network) =>
    part === 'gradient' ? gradientOperations(network, chains) : UPDATE_OPERATIONS * parameterCount(network),
  checkOperations: ({ part }, network, images) =>
    part === 'gradient'
      ? gradientCheckOperations(network, images)
      : CHECKED_UPDATES.length * UPDATE_OPERATIONS * parameterCount(network),
  extraInputs: () => ({}),
  prepare: (work) => preparations[work.case.part!](work),
};

const preparations: Record<LearningPart, (work: Work) => Prepared> = {
  gradient: ({ energy, images }) => {
    const samples = tf.mul(images, 0.5);
    return {
      run: async () => {
        const estimate = await momentMatching.estimate(energy, images, samples);
        awaitTensor(Object.values(estimate.gradients).at(-1)!);
        dispose([estimate.gradients, estimate.dataValue, estimate.sampleValue]);
      },
      check: (count) => checkGradients(energy, images, count),
      dispose: () => samples.dispose(),
    };
  },

  update: ({ energy }) => {
    const { variables } = energy;
    const optimizer = adam({ learningRate: LEARNING_RATE });
    const gradients = mapTensors(variables, (weight) => tf.clone(weight));
    let state = optimizer.init(variables);
    return {
      run: () => {
        state = optimizer.update(variables, gradients, state);
        awaitTensor(Object.values(variables).at(-1)!);
      },
      check: async () => {
        const start = mapTensors(variables, (weight) => tf.clone(weight));
        let checked = optimizer.init(variables);
        for (const factor of CHECKED_UPDATES) {
          const scaled = mapTensors(gradients, (gradient) => tf.mul(gradient, factor));
          checked = optimizer.update(variables, scaled, checked);
          dispose(scaled);
        }
        const moved = mapTensors(variables, (weight, name) =>
          tf.div(tf.sub(weight, start[name]!), LEARNING_RATE),
        );
        const values = await inOrderOfPyTorch(energy, moved);
        dispose([start, checked.moments, moved]);
        return { values, parts: 1 };
      },
      dispose: () => dispose([gradients, state.moments]),
    };
  },
};

function mapTensors(
  tensors: Readonly<Record<string, tf.Tensor>>,
  map: (tensor: tf.Tensor, name: string) => tf.Tensor,
): Record<string, tf.Tensor> {
  return tf.tidy(() =>
    Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, map(tensor, name)])),
  );
}
