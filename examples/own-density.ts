/** Short runs on a density of one's own: how many steps until the samples have its moments? */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { key, langevin, shortRun, uniform } from '@srmcmc/langevin';
import './shared/no-flags.ts';

/** log p of a correlated Gaussian in the plane, up to a constant: variances 1, correlation 0.8. */
const logDensity = (x: tf.Tensor): tf.Tensor1D => {
  const [a, b] = tf.split(x, 2, 1) as [tf.Tensor, tf.Tensor];
  const quadratic = tf.sub(tf.add(tf.square(a), tf.square(b)), tf.mul(tf.mul(a, b), 1.6));
  return tf.reshape(tf.div(quadratic, -2 * (1 - 0.8 ** 2)), [-1]);
};

for (const steps of [1, 10, 100, 400]) {
  const correlation = tf.tidy(() => {
    const kernel = langevin({ stepSize: 0.25 });
    const model = shortRun({
      energy: logDensity,
      kernel,
      steps,
      initial: uniform([2], { low: -3, high: 3 }),
    });
    const x = model.generate(model.prior(key(1), 4000), key(2));
    const [a, b] = tf.split(x, 2, 1) as [tf.Tensor, tf.Tensor];
    return tf.div(tf.mean(tf.mul(a, b)), tf.sqrt(tf.mul(tf.mean(tf.square(a)), tf.mean(tf.square(b)))));
  });
  console.log(`K = ${steps}: correlation ${(correlation.arraySync() as number).toFixed(2)} (of p: 0.80)`);
}
