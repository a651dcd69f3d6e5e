/** The latents of given samples, through all steps of a short run; and of samples of which half is unknown. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { fromFunction, gaussian, key, normals, shortRun } from '@srmcmc/core';
import { langevin } from '@srmcmc/langevin';
import { lbfgs, masked, reconstruct } from '@srmcmc/reconstruction';
import './shared/no-flags.ts';

/** Products of sixteen experts in sixteen dimensions, a smooth energy: f(x) = Σ log cosh(w x) − |x|²/2. */
const experts = tf.tensor2d(normals(key(0), 16, 16), [16, 16]);
const energy = fromFunction(
  (x) => {
    const responses = tf.matMul(x as tf.Tensor2D, experts);
    const logCosh = tf.sub(tf.add(responses, tf.softplus(tf.mul(responses, -2))), Math.LN2);
    return tf.sub(tf.mul(tf.sum(logCosh, 1), 0.3), tf.mul(tf.sum(tf.square(x), 1), 0.5)) as tf.Tensor1D;
  },
  [16],
);
const model = shortRun({
  energy,
  kernel: langevin({ drift: 0.1, noise: 0.05 }),
  steps: 15,
  initial: gaussian([16]),
});

const observed = model.generate(model.prior(key(1), 4)); // [4, 16]
const found = await reconstruct(model, observed, { key: key(2), method: lbfgs(), iterations: 30 });
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
for (const iteration of [0, 1, 2, 5, 10, 30])
  console.log(`iteration ${iteration}: loss ${mean(found.history[iteration]!).toExponential(1)}`);
console.log(`squared error an element: ${found.meanSquaredError.map((e) => e.toExponential(1)).join(', ')}`);

const mask = tf.concat([tf.ones([8]), tf.zeros([8])]);
const filled = await reconstruct(model, observed, {
  key: key(3),
  method: lbfgs(),
  iterations: 30,
  likelihood: masked(mask),
});
const errors = tf.mean(tf.square(tf.sub(filled.x, observed)), 0);
const [known, unknown] = tf.split(errors, 2).map((half) => tf.mean(half).arraySync() as number);
console.log(`of the known half ${known!.toExponential(1)}, of the other ${unknown!.toExponential(1)}`);
