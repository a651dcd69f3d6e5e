// Starts a run of days, and exits.
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const addon = require('node-gyp-build')(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

const steps = 5_000_000;
const coefficients = [new Float32Array(steps), new Float32Array(steps), new Int32Array(0)];
const arrays = [
  new Float32Array(200),
  new Float32Array(200 * 300),
  new Float32Array(300),
  new Float32Array(300),
  new Float32Array(1),
];
const job = addon.startShortRun(
  ...[Int32Array.of(1, 1, 1, 200, 1, 1, 0, 300, 1, 1, 0, 1), 10, 0, 0],
  ...[Infinity, -Infinity, Infinity, 0, 0, 0],
  ...coefficients,
  ...arrays,
);
process.on('exit', () => job.cancel());
setTimeout(() => {
  console.log(`exiting after ${job.done()} steps`);
  process.exit();
}, 200);
