// Calls every function of the addon with good arguments, and with ones that went wrong, in a process of its own: a
// crash ends it, and the last line says at which call. Any other complaint ends it too.
//
//   node --expose-gc run-fuzz.mjs <seed> <first call> <calls>
import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Draw } from './draw.mjs';
import { generators } from './generators.mjs';
import { addHostile, mutations, takeAway, Thrown } from './mutations.mjs';

const packageRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const addon = createRequire(import.meta.url)('node-gyp-build')(packageRoot);
const [seed, first, calls] = process.argv.slice(2).map(Number);

const functions = Object.keys(addon).filter((name) => typeof addon[name] === 'function');
const unknown = functions.filter((name) => !(name in generators));
if (unknown.length > 0) fail(`no generator of arguments for ${unknown}`);

/** Measures for a second or so: enough to see now and then. */
const SLOW = new Set(['peakGflops', 'peakBf16Gflops']);
const quick = functions.filter((name) => !SLOW.has(name));

function fail(what) {
  console.error(what);
  process.exit(1);
}

const isExpected = (error) =>
  error instanceof TypeError || error instanceof RangeError || error instanceof Thrown;

/** What a good call returns has to be good, too. */
function checkResult(name, result) {
  if (typeof result === 'number' && !Number.isFinite(result)) fail(`${name} returned ${result}`);
}

/** Takes a running job's inputs away, asks how far it is, cancels it: it must end all the same. */
async function follow(draw, job, isGood) {
  const cancelled = draw.chance(0.3);
  if (draw.chance(0.7)) for (const { array } of draw.arrays) takeAway(draw, array);
  if (draw.chance(0.2)) globalThis.gc();
  if (!(job.done() >= 0)) fail(`done() is ${job.done()}`);
  if (cancelled) job.cancel();
  try {
    const results = await job.promise;
    if (!results.every((result) => result instanceof Float32Array))
      fail('a job gave something else than arrays');
  } catch (error) {
    if (!(cancelled && error.code === 'CANCELLED') && !(isExpected(error) && !isGood)) throw error;
  }
  if (draw.chance(0.5)) job.cancel();
}

function spoil(draw, args) {
  const isHostile = draw.chance(0.15);
  const changes = Array.from({ length: draw.pick(isHostile ? [0, 1] : [1, 1, 2, 3]) }, () =>
    draw.pick(mutations),
  );
  if (isHostile) changes.push(addHostile);
  for (const change of changes)
    try {
      change(draw, args);
    } catch (error) {
      // JavaScript itself does not take a detached array: the list is spoiled already.
      if (!(error instanceof TypeError)) throw error;
    }
}

async function call(index) {
  const draw = new Draw(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index, 0x85ebca6b));
  const name = draw.chance(0.0002) ? draw.pick(functions) : draw.pick(quick);
  writeSync(1, `${index} ${name}\n`);
  const args = generators[name](draw);
  const isGood = draw.chance(0.2);
  if (!isGood) spoil(draw, args);
  const receiver = draw.pick([addon, undefined, null, 5, {}]);
  let result;
  try {
    result = addon[name].apply(receiver, args);
  } catch (error) {
    if (isGood) fail(`${name} refused good arguments: ${error.stack}`);
    if (!isExpected(error)) fail(`${name} threw ${error?.stack ?? String(error)}`);
  }
  if (isGood) checkResult(name, result);
  if (result?.promise instanceof Promise) await follow(draw, result, isGood);
  if (name === 'setThreads') addon.setThreads(2);
  if (!draw.marginsIntact()) fail(`${name} wrote outside its arrays`);
}

for (let index = first; index < first + calls; index++) {
  try {
    await call(index);
  } catch (error) {
    fail(`call ${index}: ${error?.stack ?? String(error)}`);
  }
}
