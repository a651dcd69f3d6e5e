/**
 * Measures one Langevin step of the paper's 32 px network on several tfjs backends in one run: f(x) and ∂f/∂x for m
 * images. The backends take turns, so that what else the machine does falls on all of them; the minimum of the rounds
 * counts. GFLOPS = 4 · MACs · m / time: a multiply-add is two operations, and the gradient costs as much as the value.
 * On a machine that is busy with other work, look at GFLOPS a core-second: the time that this program ran, on any core.
 *
 *     npx tsx --conditions=@srmcmc/source tools/tfjs-node/step.mjs --backends native,tensorflow,wasm --n 32,64
 */

import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const { values: flags } = parseArgs({
  options: {
    backends: { type: 'string', default: 'tensorflow' },
    n: { type: 'string', default: '32,64' },
    m: { type: 'string', default: '64' },
    seconds: { type: 'string', default: '20' },
  },
});

// This folder is no package of its own: it sees what the packages that it measures see.
const { selectBackend } = await import('../../packages/backends/src/index.ts');
const { convEnergy, multiplyAccumulates } = await import('../../packages/energy/src/index.ts');
const { key, normal } = await import('../../packages/core/src/index.ts');
const require = createRequire(new URL('../../packages/backends/package.json', import.meta.url));
const tf = await import(pathToFileURL(require.resolve('@tensorflow/tfjs-core')).href);

const m = Number(flags.m);
const choices = [];
for (const request of flags.backends.split(',')) choices.push(await selectBackend(request));

console.log(`${cpus()[0].model}, ${cpus().length} cores; m = ${m}; best of ${flags.seconds} s a width`);
for (const n of flags.n.split(',').map(Number)) {
  const steps = [];
  for (const choice of choices)
    steps.push({
      choice,
      seconds: Infinity,
      coreSeconds: Infinity,
      rounds: 0,
      ...(await prepare(choice.name, n)),
    });
  const end = performance.now() + 1000 * Number(flags.seconds);
  while (performance.now() < end) {
    for (const step of steps) {
      await tf.setBackend(step.choice.name);
      step.run();
      const start = performance.now();
      const busy = process.cpuUsage();
      step.run();
      const { user, system } = process.cpuUsage(busy);
      step.seconds = Math.min(step.seconds, (performance.now() - start) / 1e3);
      step.coreSeconds = Math.min(step.coreSeconds, (user + system) / 1e6);
      step.rounds++;
    }
  }
  for (const { choice, seconds, coreSeconds, rounds, macs } of steps) {
    const gflop = (4 * macs * m) / 1e9;
    const columns = [
      `n = ${n}`,
      choice.label.padEnd(26),
      `${(1000 * seconds).toFixed(1).padStart(7)} ms`,
      `${(gflop / seconds).toFixed(1).padStart(6)} GFLOPS`,
      `${(gflop / coreSeconds).toFixed(1).padStart(6)} a core-second`,
      `${(steps[0].seconds / seconds).toFixed(2).padStart(6)} x the first`,
      `${rounds} rounds`,
    ];
    console.log(columns.join('  '));
  }
  for (const step of steps) {
    await tf.setBackend(step.choice.name);
    step.dispose();
  }
}

/** The network and the images on this backend, and one step with its result read back. */
async function prepare(backend, n) {
  await tf.setBackend(backend);
  const imageShape = [32, 32, 3];
  const energy = convEnergy({ imageShape, channels: [n, 2 * n, 4 * n, 8 * n], key: key(1) });
  const x = normal(key(2), [m, ...imageShape]);
  return {
    macs: multiplyAccumulates(energy.network),
    run: () =>
      tf.tidy(() => {
        const { value, grad } = energy.valueAndGrad(x);
        value.dataSync();
        tf.slice(grad, [m - 1, 31, 31, 2], [1, 1, 1, 1]).dataSync();
      }),
    dispose: () => {
      x.dispose();
      energy.dispose();
    },
  };
}
