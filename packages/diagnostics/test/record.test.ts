import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { expect, test } from 'vitest';
import { fromFunction, gaussian, key, runChains, type TransitionKernel } from '@srmcmc/core';
import { record, summarise } from '@srmcmc/diagnostics';
import { langevin, mala } from '@srmcmc/langevin';

const code = (expected: string): unknown => expect.objectContaining({ code: expected });
const energy = fromFunction((x) => tf.mul(tf.sum(tf.square(x), 1), -0.5) as tf.Tensor1D, [2]);
const start = gaussian([2]).sample(key(1), 3);

test('draws are those of runChains, by quantity and chain, thinned', async () => {
  const kernel = langevin({ stepSize: 0.5 });
  const { trace } = runChains({ energy, kernel, steps: 6, snapshots: [2, 4, 6] }, start, key(2));
  const { quantities, x } = await record({ energy, kernel, draws: 3, thin: 2 }, start, key(2));
  for (const [draw, snapshot] of trace.snapshots.entries()) {
    const rows = snapshot.arraySync() as number[][];
    for (const [j, chains] of quantities.entries()) {
      expect(chains.length).toBe(3);
      for (const [i, chain] of chains.entries()) expect(chain[draw]).toBe(rows[i]![j]);
    }
  }
  expect(quantities.length).toBe(2);
  expect(await x.data()).toEqual(await trace.snapshots[2]!.data());
});

test('every report of the kernel is recorded by its name', async () => {
  const { statistics } = await record({ energy, kernel: mala({ stepSize: 1 }), draws: 50 }, start, key(3));
  expect(Object.keys(statistics).sort()).toEqual(['acceptance', 'gradientNorm', 'value']);
  const acceptance = statistics['acceptance']!.flatMap((chain) => Array.from(chain));
  expect(acceptance.length).toBe(150);
  expect(Math.min(...acceptance)).toBeGreaterThan(0);
  expect(Math.max(...acceptance)).toBe(1);
  // The report is of where the step began, so that the first is of the start.
  const value = energy.negativeEnergy(start).arraySync();
  expect(statistics['value']!.map((chain) => chain[0])).toEqual(value);
});

test('a function of x can be watched instead of x', async () => {
  const options = { energy, kernel: langevin({ stepSize: 0.5 }), draws: 4 };
  const [all, radius] = await Promise.all([
    record(options, start, key(4)),
    record({ ...options, observe: (x) => tf.norm(x, 'euclidean', 1) }, start, key(4)),
  ]);
  expect(radius.quantities.length).toBe(1);
  const [first, second] = all.quantities;
  for (let draw = 0; draw < 4; draw++)
    expect(radius.quantities[0]![1]![draw]).toBeCloseTo(Math.hypot(first![1]![draw]!, second![1]![draw]!), 6);
});

test('a chain that is long enough passes its diagnostics', async () => {
  const starts = gaussian([2], { scale: 3 }).sample(key(5), 8);
  const kernel = mala({ stepSize: 1.2 });
  const { x } = runChains({ energy, kernel, steps: 50 }, starts, key(6));
  const { quantities } = await record({ energy, kernel, draws: 400 }, x, key(7));
  for (const chains of quantities) {
    const { mean, sd, mcseMean, mcseSd, rHat, bulkEss } = summarise(chains);
    expect(rHat).toBeLessThan(1.02);
    expect(bulkEss).toBeGreaterThan(400);
    expect(Math.abs(mean)).toBeLessThan(4 * mcseMean);
    expect(Math.abs(sd - 1)).toBeLessThan(4 * mcseSd);
  }
});

test('nothing but the last positions is left behind, also when it stops early', async () => {
  const options = { energy, kernel: langevin({ stepSize: 0.5 }), draws: 3, observe: (x: tf.Tensor) => x };
  const before = tf.memory().numTensors;
  (await record(options, start, key(2))).x.dispose();
  expect(tf.memory().numTensors).toBe(before);

  const controller = new AbortController();
  let steps = 0;
  const kernel: TransitionKernel = {
    ...options.kernel,
    step: (...args) => {
      if (++steps === 2) controller.abort();
      return options.kernel.step(...args);
    },
  };
  const { signal } = controller;
  await expect(record({ ...options, kernel }, start, key(2), { signal })).rejects.toThrow(code('CANCELLED'));
  expect(steps).toBe(2);
  expect(tf.memory().numTensors).toBe(before);
});

test('a timer has its turn while chains run, and hears how far they are', async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 60);
  const told: number[] = [];
  const endless = {
    energy,
    kernel: langevin({ stepSize: 0.5 }),
    draws: 1e6,
    observe: (x: tf.Tensor) => tf.sum(x, 1),
  };
  const running = record(endless, start, key(2), {
    signal: controller.signal,
    onProgress: (fraction) => told.push(fraction),
  });
  await expect(running).rejects.toThrow(code('CANCELLED'));
  expect(told.length).toBeGreaterThan(0);
  expect(told).toEqual([...told].sort((a, b) => a - b));
  expect(told.at(-1)).toBeLessThan(1);
});

test('a bad number of draws, a bad thinning, a start and an observation of the wrong shape are refused', async () => {
  const options = { energy, kernel: langevin({ stepSize: 0.5 }), draws: 2 };
  const refuses = async (change: object, expected: string, from: tf.Tensor = start): Promise<void> =>
    expect(record({ ...options, ...change }, from, key(1))).rejects.toThrow(code(expected));
  await refuses({ draws: 0 }, 'INVALID_ARGUMENT');
  await refuses({ thin: 0.5 }, 'INVALID_ARGUMENT');
  await refuses({}, 'INVALID_SHAPE', tf.zeros([3, 4]));
  await refuses({ observe: (x: tf.Tensor) => tf.sum(x) }, 'INVALID_SHAPE');
});
