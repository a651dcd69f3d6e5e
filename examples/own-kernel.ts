/** A kernel of one's own, proved by the conformance suite and put where Langevin was. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { key, normal, shortRun, tidy, type TransitionKernel, uniform } from '@srmcmc/core';
import { kernelConformance } from '@srmcmc/core/testing';
import './shared/no-flags.ts';

/** Langevin whose gradient is divided by its norm: the step has the same length everywhere. */
function normalisedLangevin({ length, noise }: { length: number; noise: number }): TransitionKernel {
  return {
    name: 'normalised-langevin',
    calibrated: false,
    init: (_energy, x) => ({ x: x.clone(), step: 0 }),
    step: (energy, { x, step }, noiseKey) =>
      tidy(() => {
        const { value, grad } = energy.valueAndGrad(x);
        const gradientNorm = tf.norm(tf.reshape(grad, [x.shape[0]!, -1]), 'euclidean', 1) as tf.Tensor1D;
        const scale = tf.reshape(gradientNorm, [-1, ...x.shape.slice(1).map(() => 1)]);
        const drift = tf.add(x, tf.mul(tf.divNoNan(grad, scale), length));
        const next =
          noiseKey === undefined ? drift : tf.add(drift, tf.mul(normal(noiseKey, x.shape, step), noise));
        return { state: { x: next, step: step + 1 }, info: { value, gradientNorm } };
      }),
  };
}

for (const { name, run } of kernelConformance(() => normalisedLangevin({ length: 0.1, noise: 0.1 }))) {
  await run();
  console.log(`ok: ${name}`);
}

const model = shortRun({
  energy: (x) => tf.mul(tf.sum(tf.square(x), 1), -0.5) as tf.Tensor1D,
  kernel: normalisedLangevin({ length: 0.1, noise: 0.1 }),
  steps: 60,
  initial: uniform([2], { low: -4, high: 4 }),
});
const x = model.generate(model.prior(key(1), 1000), key(2));
console.log(
  `mean |x| after 60 steps: ${(tf.mean(tf.norm(x, 'euclidean', 1)).arraySync() as number).toFixed(2)}`,
);
