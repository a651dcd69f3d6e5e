/** One Langevin step of the paper's networks (Nijkamp et al. 2019, eq. 4): forward, input gradient, fresh noise, update. */
import { foldIn, key, runChains } from '@srmcmc/core';
import { multiplyAccumulates } from '@srmcmc/energy';
import { langevin } from '@srmcmc/langevin';
import * as tf from '@tensorflow/tfjs-core';
import { awaitTensor, valuesOf } from './reading.ts';
import type { Workload } from './workload.ts';

/** The paper's program: x ← x + f'(x) + 0.01 U. */
const PAPER_KERNEL = { drift: 1, noise: 0.01 } as const;
/** A noiseless step of this drift is all gradient: of x itself less is left than rounding takes. */
const CHECK_DRIFT = 2 ** 20;

export const langevinStep: Workload = {
  name: 'langevin-step',
  unit: 'step',
  description: 'one Langevin step of m chains: forward, input gradient, fresh noise, update',
  cases: ({ side, width, chains, steps }) => [{ workload: 'langevin-step', side, width, chains, steps }],
  unitsPerCall: ({ steps }) => steps!,
  operations: ({ chains }, network) => 4 * multiplyAccumulates(network) * chains,
  checkOperations: (_case, network, images) => 4 * multiplyAccumulates(network) * images,
  extraInputs: () => ({}),
  prepare: ({ case: { steps }, energy, images, fused }) => {
    const kernel = shortRunKernel(fused);
    let call = 0;
    return {
      run: () => {
        const { x, trace } = runChains({ energy, kernel, steps: steps! }, images, foldIn(key(7), call++));
        awaitTensor(x);
        tf.dispose([x, trace.value, trace.gradientNorm]);
      },
      check: (count) => {
        const values = valuesOf(() => {
          const first = tf.slice(images, 0, count);
          if (!fused) return energy.valueAndGrad(first).grad;
          // The kernel that is timed is the one that is checked.
          const kernel = langevin({ drift: CHECK_DRIFT, noise: 0 });
          const { x } = runChains({ energy, kernel, steps: 1 }, first);
          return tf.div(tf.sub(x, first), CHECK_DRIFT);
        });
        return { values, parts: count };
      },
      dispose: () => undefined,
    };
  },
};

/** The paper's kernel; without its `fused` part every step is made by the backend's single kernels. */
export function shortRunKernel(fused: boolean) {
  const { fused: allSteps, ...oneByOne } = langevin(PAPER_KERNEL);
  return fused && allSteps !== undefined ? { ...oneByOne, fused: allSteps } : oneByOne;
}
