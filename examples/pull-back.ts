/**
 * What it costs to pull a gradient back through K steps: memory that grows with √K, and a few times the time of the steps
 * themselves. `--full` for the paper's net of n = 32 in place of a small one.
 */
import * as tf from '@tensorflow/tfjs-core';
import { selectBackend } from '@srmcmc/backends';
import { key, normals, shortRun, uniform } from '@srmcmc/core';
import { convEnergy, paperChannels } from '@srmcmc/energy';
import { langevin } from '@srmcmc/langevin';
import { commandLine, printTable } from './shared/command-line.ts';

const {
  values: { full },
} = await commandLine("[--full]\n  --full  the paper's net of n = 32 in place of a small one", {
  full: { type: 'boolean', default: false },
});
await selectBackend('auto');
const [side, channels, chains, depths] = full
  ? [32, paperChannels(32, 32), 16, [1, 4, 16, 25, 100, 400]]
  : [16, [8, 16], 4, [1, 4, 16]];
const eventShape = [side, side, 3] as const;
const energy = convEnergy({
  imageShape: eventShape,
  channels,
  activation: { name: 'swish' },
  key: key(1),
});
const z = uniform(eventShape).sample(key(2), chains);
const v = tf.tensor(normals(key(3), chains, side * side * 3), z.shape);
/** What a tensor of positions takes: the unit of the memory below. */
const position = z.size * 4;

const rows = [];
for (const steps of depths) {
  const model = (jacobian: 'exact' | 'identity') =>
    shortRun({
      energy,
      kernel: langevin({ drift: 1, noise: 0.01 }),
      steps,
      initial: uniform(eventShape),
      jacobian,
    });
  const [exact, fast] = [await cost(model('exact')), await cost(model('identity'))];
  rows.push([
    steps,
    Math.round(exact.kept / position),
    Math.round(exact.peak / position),
    (exact.forward / steps).toFixed(2),
    (exact.backward / steps).toFixed(2),
    (exact.backward / exact.forward).toFixed(1),
    (fast.backward / steps).toFixed(3),
  ]);
}
console.log(
  `${chains} chains of ${side}×${side} pixels, channels ${channels.join(', ')}, on ${tf.getBackend()}`,
);
console.log('Memory in tensors of positions, times in ms a step.');
printTable(['K', 'kept', 'at most', 'steps', 'pulled back', 'ratio', 'by identity'], rows);

/** Milliseconds forward and back, the best of three, and bytes: kept between the two, and at most in pulling back. */
async function cost(model: ReturnType<typeof shortRun>) {
  const times = { forward: Infinity, backward: Infinity };
  for (let i = 0; i < 3; i++) {
    const pullback = timed('forward', () => model.pullback(z));
    const pulled = timed('backward', () => pullback.vjp(v));
    tf.dispose(pulled);
    pullback.dispose();
  }
  const before = tf.memory().numBytes;
  const pullback = model.pullback(z);
  const kept = tf.memory().numBytes - before;
  const { peakBytes } = await tf.profile(() => pullback.vjp(v));
  pullback.dispose();
  return { ...times, kept, peak: Math.max(kept, peakBytes - before) };

  function timed<T extends object>(which: 'forward' | 'backward', run: () => T): T {
    const start = performance.now();
    const result = run();
    (result instanceof tf.Tensor ? result : (result as { x: tf.Tensor } & T).x).dataSync();
    times[which] = Math.min(times[which], performance.now() - start);
    return result;
  }
}
