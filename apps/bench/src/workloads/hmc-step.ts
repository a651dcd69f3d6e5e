/** One step of Hamiltonian Monte Carlo on the paper's networks: fresh momentum, L leapfrog steps, Metropolis test. */
import { dispose, foldIn, key, runChains } from '@srmcmc/core';
import { multiplyAccumulates } from '@srmcmc/energy';
import { hmc } from '@srmcmc/hmc';
import * as tf from '@tensorflow/tfjs-core';
import { awaitTensor, valuesOf } from './reading.ts';
import type { Workload } from './workload.ts';

/** L: gradients a step. */
const LEAPFROG_STEPS = 5;
/** ε; what it is costs nothing. */
const STEP_SIZE = 0.01;
/** ε²/2 of a noiseless leapfrog step that is all gradient: of x itself less is left than rounding takes. */
const CHECK_DRIFT = 2 ** 20;

export const hmcStep: Workload = {
  name: 'hmc-step',
  unit: 'step',
  description: `one HMC step of m chains: momentum, ${LEAPFROG_STEPS} leapfrog steps, Metropolis test`,
  cases: ({ side, width, chains, steps }) => [{ workload: 'hmc-step', side, width, chains, steps }],
  unitsPerCall: ({ steps }) => steps!,
  operations: ({ chains, steps }, network) => {
    // The state keeps the gradient where it is: one more for the first step of a call.
    const gradients = LEAPFROG_STEPS + 1 / steps!;
    return 4 * multiplyAccumulates(network) * gradients * chains;
  },
  checkOperations: (_case, network, images) => 4 * multiplyAccumulates(network) * images,
  extraInputs: () => ({}),
  prepare: ({ case: { steps }, energy, images, fused }) => {
    const { fused: allSteps, ...oneByOne } = hmc({ stepSize: STEP_SIZE, leapfrogSteps: LEAPFROG_STEPS });
    const kernel = fused && allSteps !== undefined ? { ...oneByOne, fused: allSteps } : oneByOne;
    let call = 0;
    return {
      run: () => {
        const { x, trace } = runChains({ energy, kernel, steps: steps! }, images, foldIn(key(10), call++));
        awaitTensor(x);
        dispose([x, trace]);
      },
      check: (count) => {
        const values = valuesOf(() => {
          const first = tf.slice(images, 0, count);
          if (!fused) return energy.valueAndGrad(first).grad;
          // The kernel that is timed is the one that is checked.
          const stepSize = Math.sqrt(2 * CHECK_DRIFT);
          const kernel = hmc({ stepSize, leapfrogSteps: 1, metropolis: false });
          const { x } = runChains({ energy, kernel, steps: 1 }, first);
          return tf.div(tf.sub(x, first), CHECK_DRIFT);
        });
        return { values, parts: count };
      },
      dispose: () => undefined,
    };
  },
};
