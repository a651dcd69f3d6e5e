// JavaScript threads that end while their jobs run, and a main thread that goes on computing beside them.
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

const script = fileURLToPath(import.meta.url);
const addon = createRequire(import.meta.url)('node-gyp-build')(dirname(dirname(dirname(script))));

/** Arguments of a short run on images of 8 x 8 that goes on for some tenths of a second. */
function longRun() {
  const [images, side, channels, steps] = [16, 8, 16, 1000];
  const filled = (size) => new Float32Array(size).fill(0.01);
  const head = [Int32Array.of(images, side, side, 1, 3, 1, 1, channels, side, 1, 0, 1), 4, 0.2, 0];
  const weights = [filled(9 * channels), filled(channels), filled(side * side * channels), filled(1)];
  const schedules = [filled(steps), filled(steps), new Int32Array(0)];
  return [...head, Infinity, -1, 1, 1, 2, 3, ...schedules, filled(images * side * side), ...weights];
}

if (isMainThread) {
  for (let round = 0; round < 4; round++) {
    const workers = Array.from({ length: 2 }, () => new Worker(script));
    await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('message', resolve))));
    const normals = new Float32Array(64 * 1000);
    addon.normal(1, 2, 0, round, 64, 1000, normals);
    await new Promise((resolve) => setTimeout(resolve, 10 * round));
    await Promise.all(workers.map((worker) => worker.terminate()));
    const again = new Float32Array(normals.length);
    addon.normal(1, 2, 0, round, 64, 1000, again);
    if (!normals.every((value, i) => value === again[i])) throw new Error('other numbers beside workers');
  }
  console.log('ended');
} else {
  const job = addon.startShortRun(...longRun());
  job.promise.catch(() => undefined);
  parentPort.postMessage('started');
  setInterval(() => job.done(), 1);
}
