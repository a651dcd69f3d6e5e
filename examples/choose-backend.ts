/** What this machine has to compute with, and how long a short run takes on each. */
import * as tf from '@tensorflow/tfjs-core';
import { backendRequests, describeBackend, selectBackend } from '@srmcmc/backends';
import { BackendUnavailableError, dispose, key, shortRun, uniform } from '@srmcmc/core';
import { convEnergy } from '@srmcmc/energy';
import { langevin } from '@srmcmc/langevin';
import { nativeStatus, setThreads } from '@srmcmc/native';
import './shared/no-flags.ts';

/** 10 steps of 4 chains of a small net for images [16, 16, 3], in milliseconds, after one to warm up. */
async function shortRunTime(): Promise<number> {
  const energy = convEnergy({ imageShape: [16, 16, 3], channels: [8, 16, 32], key: key(0) });
  const kernel = langevin({ drift: 1, noise: 0.01 });
  const model = shortRun({ energy, kernel, steps: 10, initial: uniform(energy.eventShape) });
  const z = model.prior(key(1), 4);
  const run = async (): Promise<number> => {
    const start = performance.now();
    const x = model.generate(z, key(2));
    await x.data();
    x.dispose();
    return performance.now() - start;
  };
  await run();
  const time = await run();
  dispose(z);
  energy.dispose();
  return time;
}

for (const request of backendRequests) {
  try {
    const choice = await selectBackend(request);
    console.log(`${request} → ${describeBackend(choice)}: ${(await shortRunTime()).toFixed(0)} ms`);
  } catch (error) {
    if (!(error instanceof BackendUnavailableError)) throw error;
    console.log(`${request}: ${error.message}`);
  }
}

const status = nativeStatus();
if (status.available) {
  await tf.setBackend('srmcmc-native');
  for (const threads of [1, 2]) {
    setThreads(threads);
    console.log(
      `native, ${status.instructionSet}, ${threads} threads: ${(await shortRunTime()).toFixed(1)} ms`,
    );
  }
}
