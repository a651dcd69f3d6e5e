/** Kernels off the JavaScript thread: the same numbers, whatever happens to their inputs and to the program meanwhile. */

import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { monitorEventLoopDelay } from 'node:perf_hooks';

import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';

import { loadAddon } from '../src/addon.ts';
import { BACKEND_NAME, nativeStatus, setThreads } from '../src/index.ts';
import type { AsyncKernel } from '../src/kernels/job.ts';
import { array, random } from './setup.ts';
import { fused, inputsOf, networkOf, type Result, type Run, runOf, startOf } from './short-runs.ts';

const loaded = loadAddon();
if (!('addon' in loaded)) throw new Error(loaded.reason);
const { addon } = loaded;
const { threads } = nativeStatus();

beforeAll(() => void tf.setBackend(BACKEND_NAME));
afterEach(() => setThreads(threads!));

const network = networkOf([16, 16, 3], [8, 16]);

function kernel(name: string, inputs: tf.NamedTensorMap, attrs: object): Promise<tf.Tensor[]> {
  const run = tf.getKernel(name, BACKEND_NAME).kernelFunc as unknown as AsyncKernel;
  const backend = tf.backend() as never;
  return run({ inputs, attrs, backend }).then((infos) =>
    infos.map((info) => tf.engine().makeTensorFromTensorInfo(info)),
  );
}

async function startRun(
  { weights, ...attributes }: Run,
  x: tf.Tensor,
  options: object = {},
): Promise<Result> {
  const inputs = inputsOf({ weights }, x);
  const results = await kernel('ShortRunLangevinAsync', inputs, { ...attributes, ...options });
  const values = results.map((tensor) => Float32Array.from(tensor.dataSync()));
  tf.dispose(results);
  return values;
}

describe('a short run off the thread', () => {
  test.each([1, 2, 3])('gives the bits of the call that blocks, on %i threads', async (count) => {
    const run = runOf(network, 10, { snapshots: [3, 10] });
    const start = startOf(network, 19);
    const expected = fused(run, start);
    setThreads(count);
    expect(await startRun(run, start)).toEqual(expected);
    tf.dispose([start, ...run.weights]);
  });

  test('reads copies: tensors may be disposed and buffers written, transferred or detached meanwhile', async () => {
    const run = runOf(network, 200);
    const start = startOf(network, 12);
    const expected = fused(run, start);
    const promise = startRun(run, start);
    const held = [start, ...run.weights].map((tensor) => tensor.dataSync() as Float32Array);
    tf.dispose([start, ...run.weights]);
    for (const values of held) {
      values.fill(NaN);
      structuredClone(values.buffer, { transfer: [values.buffer as ArrayBuffer] });
      expect(values.byteLength).toBe(0);
    }
    expect(await promise).toEqual(expected);
  });

  test(
    'two at once, and blocking calls meanwhile, all give what they give alone',
    { timeout: 60_000 },
    async () => {
      const runs = [runOf(network, 900), runOf(network, 800, { key: [3, 4] })];
      const starts = [startOf(network, 13), startOf(network, 7)];
      const expected = runs.map((run, i) => fused(run, starts[i]!));
      const short = { ...runs[0]!, steps: 2, drift: [1, 1], noise: [0.01, 0.01] };
      const expectedShort = fused(short, starts[1]!);
      let settled = false;
      const both = Promise.all(runs.map((run, i) => startRun(run, starts[i]!))).finally(
        () => (settled = true),
      );
      let calls = 0;
      while (!settled) {
        expect(fused(short, starts[1]!)).toEqual(expectedShort);
        calls++;
        await sleep(1);
      }
      expect(calls).toBeGreaterThan(3);
      expect(await both).toEqual(expected);
      tf.dispose([...starts, ...runs.flatMap(({ weights }) => weights)]);
    },
  );

  test('leaves the event loop free', async () => {
    // So many steps that no machine ends them: it is looked at for half a second.
    const run = runOf(networkOf([32, 32, 3], [16, 32, 64, 128]), 1_000_000);
    const start = startOf(run.network, 24);
    const controller = new AbortController();
    const delays = monitorEventLoopDelay({ resolution: 5 });
    const begun = performance.now();
    delays.enable();
    const promise = startRun(run, start, { signal: controller.signal });
    setTimeout(() => controller.abort(), 500);
    await expect(promise).rejects.toMatchObject({ code: 'CANCELLED' });
    delays.disable();
    const elapsed = performance.now() - begun;
    expect(elapsed).toBeGreaterThan(400);
    expect(delays.max / 1e6).toBeLessThan(elapsed / 2);
    tf.dispose([start, ...run.weights]);
  });

  test('tells its progress, rising while it runs', async () => {
    // So many steps that no machine ends them between two reports: the third one stops them.
    const run = runOf(network, 1_000_000);
    const start = startOf(network, 12);
    const controller = new AbortController();
    const fractions: number[] = [];
    const onProgress = (fraction: number): void => {
      if (fractions.push(fraction) === 3) controller.abort();
    };
    const promise = startRun(run, start, { signal: controller.signal, onProgress });
    await expect(promise).rejects.toMatchObject({ code: 'CANCELLED' });
    const [first, second, third] = fractions;
    expect(fractions).toHaveLength(3);
    expect(first).toBeGreaterThanOrEqual(0);
    expect(second).toBeGreaterThan(first!);
    expect(third).toBeGreaterThan(second!);
    expect(third).toBeLessThan(1);
    tf.dispose([start, ...run.weights]);
  });

  test('tells 1 at the end, and nothing less after more', async () => {
    const run = runOf(network, 1500);
    const start = startOf(network, 12);
    const fractions: number[] = [];
    await startRun(run, start, { onProgress: (fraction: number) => fractions.push(fraction) });
    expect(fractions.at(-1)).toBe(1);
    expect([...fractions].sort((a, b) => a - b)).toEqual(fractions);
    tf.dispose([start, ...run.weights]);
  });

  test.each(['before', 'while'])('is cancelled %s it runs, with a code and no tensor left', async (when) => {
    const run = runOf(network, 1_000_000);
    const start = startOf(network, 12);
    const { numTensors } = tf.memory();
    const controller = new AbortController();
    if (when === 'before') controller.abort();
    const begun = performance.now();
    const promise = startRun(run, start, { signal: controller.signal });
    if (when === 'while') setTimeout(() => controller.abort(), 50);
    await expect(promise).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(performance.now() - begun).toBeLessThan(5000);
    expect(tf.memory().numTensors).toBe(numTensors);
    tf.dispose([start, ...run.weights]);
  });

  test('ends with the error of a progress callback that throws', async () => {
    const run = runOf(network, 1_000_000);
    const start = startOf(network, 12);
    const onProgress = (): void => {
      throw new RangeError('from the callback');
    };
    await expect(startRun(run, start, { onProgress })).rejects.toThrow('from the callback');
    tf.dispose([start, ...run.weights]);
  });

  test('refuses what the call that blocks refuses, as a rejection', async () => {
    const run = runOf(network, 3, { drift: [1] });
    const start = startOf(network, 2);
    await expect(startRun(run, start)).rejects.toThrow(TypeError);
    const withoutArguments = addon.startShortRun as unknown as () => void;
    expect(() => withoutArguments()).toThrow(TypeError);
    tf.dispose([start, ...run.weights]);
  });

  test('does not keep a process from exiting', { timeout: 60_000 }, async () => {
    const script = fileURLToPath(new URL('paths/exit-while-running.mjs', import.meta.url));
    const begun = performance.now();
    const { stdout } = await promisify(execFile)(process.execPath, [script]);
    expect(stdout).toContain('exiting');
    expect(performance.now() - begun).toBeLessThan(30_000);
  });
});

test('memory is used again: hundreds of runs leave no tensor behind and memory flat', async () => {
  const run = runOf(network, 2);
  const start = startOf(network, 40);
  for (let i = 0; i < 50; i++) await startRun(run, start);
  const { numTensors } = tf.memory();
  const { rss } = process.memoryUsage();
  for (let i = 0; i < 200; i++) await startRun(run, start);
  expect(tf.memory().numTensors).toBe(numTensors);
  expect(process.memoryUsage().rss - rss).toBeLessThan(64 * 2 ** 20);
  tf.dispose([start, ...run.weights]);
});

test('the parameter gradient off the thread gives the bits of the call that blocks, and is cancelled likewise', async () => {
  const run = runOf(network, 1);
  const x = startOf(network, 50);
  const weights = tf.tensor1d(array(random(9), 50));
  const inputs = { ...inputsOf(run, x), weights };
  const expected = tf
    .engine()
    .runKernel('NetworkParameterGrad', inputs, { network } as object as tf.NamedAttrMap) as tf.Tensor[];
  const actual = await kernel('NetworkParameterGradAsync', inputs, { network });
  expect(actual.map((tensor) => tensor.dataSync())).toEqual(expected.map((tensor) => tensor.dataSync()));
  expect(actual.map(({ shape }) => shape)).toEqual(expected.map(({ shape }) => shape));
  const signal = AbortSignal.abort();
  await expect(kernel('NetworkParameterGradAsync', inputs, { network, signal })).rejects.toMatchObject({
    code: 'CANCELLED',
  });
  tf.dispose([x, weights, ...expected, ...actual, ...run.weights]);
});
