/** Long chains: tune HMC, draw, and let the diagnostics say which of two parametrisations of Neal's funnel works. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { type Energy, fromFunction, gaussian, type Key, key, split } from '@srmcmc/core';
import { bfmi, record, summarise } from '@srmcmc/diagnostics';
import { warmUp } from '@srmcmc/hmc';
import './shared/no-flags.ts';

/** log of v ~ N(0, 3²), w ~ N(0, e^v) as a density of [v, w]: a neck that narrows without end. */
const centred = fromFunction(
  (x) => {
    const [v, w] = tf.unstack(x, 1) as [tf.Tensor, tf.Tensor];
    const neck = tf.add(tf.mul(tf.square(w), tf.exp(tf.neg(v))), v);
    return tf.mul(tf.add(tf.div(tf.square(v), 9), neck), -0.5) as tf.Tensor1D;
  },
  [2],
);

/** The same as a density of [v, z] with w = z e^{v/2}: a Gaussian. */
const reparametrised = fromFunction(
  (x) => tf.mul(tf.sum(tf.square(tf.div(x, [3, 1])), 1), -0.5) as tf.Tensor1D,
  [2],
);

async function study(name: string, energy: Energy): Promise<void> {
  const [startKey, tuningKey, drawKey] = split(key(1), 3) as [Key, Key, Key];
  const start = gaussian([2]).sample(startKey, 4);
  const tuned = await warmUp(
    { energy, kernel: { leapfrogSteps: 6, jitter: 0.3 }, steps: 200 },
    start,
    tuningKey,
  );
  const { quantities, statistics } = await record(
    { energy, kernel: tuned.kernel, draws: 300 },
    tuned.x,
    drawKey,
  );
  const v = summarise(quantities[0]!);
  const divergent = statistics['divergent']!.reduce(
    (sum, chain) => sum + Array.from(chain).filter(Boolean).length,
    0,
  );
  console.log(`${name}: step size ${tuned.options.stepSize.toFixed(2)}, ${divergent} divergent`);
  console.log(
    `  v: mean ${v.mean.toFixed(2)} ± ${v.mcseMean.toFixed(2)}, sd ${v.sd.toFixed(2)} (0 and 3 are true)`,
  );
  console.log(
    `  R-hat ${v.rHat.toFixed(3)}, ESS ${v.bulkEss.toFixed(0)} in the bulk, ${v.tailEss.toFixed(0)} in the tails, ` +
      `least E-BFMI ${Math.min(...bfmi(statistics['hamiltonian']!)).toFixed(2)}`,
  );
}

await study('centred', centred);
await study('reparametrised', reparametrised);
