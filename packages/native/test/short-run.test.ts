/** The fused sampler held against the same steps made of tfjs operators and automatic differentiation. */

import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';

import { BACKEND_NAME, nativeStatus, setThreads } from '../src/index.ts';
import { relativeError } from './setup.ts';
import {
  fused,
  type Network,
  networkOf,
  reference,
  type Run,
  runOf,
  startOf,
  weightsOf,
} from './short-runs.ts';

const { threads } = nativeStatus();

beforeAll(() => void tf.setBackend(BACKEND_NAME));
afterEach(() => setThreads(threads!));

/** One of so many equal parts, such as the chains of all positions. */
function partOf(x: Float32Array, part: number, parts: number): Float32Array {
  const length = x.length / parts;
  return x.subarray(part * length, (part + 1) * length);
}

/** Of a chain that parts, and of what it does to the others' mean. */
const PARTED = 1e-2;

/**
 * x, its snapshots, and the trace, to 1e-4. A slope that changes at zero makes two trajectories part, by little, once a
 * sum's rounding puts them on different sides: in 20 steps one chain in 40 does (3 of 192, 6 of 192). So of several chains
 * one may, and of many one in eight, and the trace may move with it. Of 50 smooth ones a point near the origin may, whose
 * relative error is large.
 */
function expectSame(run: Run, chains: number): void {
  const start = startOf(run.network, chains);
  const actual = fused(run, start);
  const expected = reference(run, start);
  expect(actual.length).toBe(3 + run.snapshots.length);
  const hasKink = ['leakyRelu', 'relu'].includes(run.network.activation.name);
  const most = !hasKink ? chains / 40 : chains > 1 ? Math.max(1, chains / 8) : 0;
  const parted = new Set<number>();
  for (const i of [0, ...run.snapshots.map((_, at) => 3 + at)]) {
    for (let chain = 0; chain < chains; chain++) {
      const error = relativeError(partOf(actual[i]!, chain, chains), partOf(expected[i]!, chain, chains));
      if (!(error < 1e-4)) parted.add(chain);
      expect(error, `output ${i}, chain ${chain} of ${chains}`).toBeLessThan(PARTED);
    }
  }
  expect(parted.size, `chains that part, of ${chains}`).toBeLessThanOrEqual(most);
  for (const i of [1, 2]) {
    const error = relativeError(actual[i]!, expected[i]!);
    expect(error, `trace ${i} of ${chains}`).toBeLessThan(1e-4 + (PARTED * parted.size) / chains);
  }
  tf.dispose([start, ...run.weights]);
}

describe('20 steps equal the loop of single operators to 1e-4, trace included', () => {
  const relu = { name: 'relu' } as const;
  const leaky = (slope: number) => ({ name: 'leakyRelu', slope }) as const;
  test.each<[string, Network, number[]]>([
    ["the paper's 32 px net", networkOf([32, 32, 3], [8, 16, 32, 64]), [1, 5, 7, 19]],
    ['a 64 px net', networkOf([64, 64, 3], [4, 8, 16, 32, 32]), [2, 7]],
    ['28 px in grey with odd channels', networkOf([28, 28, 1], [5, 7, 9]), [1, 6, 11]],
    ['channels of one', networkOf([8, 8, 1], [1, 3, 1]), [3, 8]],
    ['images of many channels', networkOf([12, 12, 17], [18, 33, 6]), [2, 13]],
    ['relu', networkOf([16, 16, 3], [6, 10], relu), [1, 9]],
    ['leakyRelu of another slope', networkOf([16, 16, 3], [16, 32], leaky(0.05)), [4, 24]],
    ['leakyRelu that rises on both sides', networkOf([16, 16, 3], [7, 16], leaky(-0.3)), [4, 7]],
    ['a single layer', networkOf([6, 6, 2], []), [1, 7]],
  ])('%s', (_, network, batches) => {
    for (const chains of batches) expectSame(runOf(network, 20), chains);
    expectSame(runOf(network, 20, { key: [] }), batches[0]!);
  });

  test.each(['elu', 'softplus', 'swish', 'gelu', 'tanh'] as const)('%s, on images and on points', (name) => {
    expectSame(runOf(networkOf([32, 32, 3], [8, 16, 32, 64], { name }), 20), 7);
    expectSame(runOf(networkOf([20, 20, 1], [5, 1, 9], { name }), 20), 3);
    expectSame(runOf({ kind: 'mlp', sizes: [2, 33, 64, 1], activation: { name } }, 20), 50);
  });

  test.each<[string, number[], number[]]>([
    ['[2, 64, 64, 1]', [2, 64, 64, 1], [1, 5, 100]],
    ['[1, 7, 1]', [1, 7, 1], [3, 13]],
    ['[300, 1, 20, 1]', [300, 1, 20, 1], [4]],
    ['[5, 1]', [5, 1], [6]],
  ])('a perceptron %s', (_, sizes, batches) => {
    const activation = { name: 'leakyRelu', slope: 0.2 } as const;
    for (const chains of batches) expectSame(runOf({ kind: 'mlp', sizes, activation }, 20), chains);
  });

  test('snapshots at the first step, in between and at the last', () => {
    const network = networkOf([16, 16, 3], [8, 16]);
    expectSame(runOf(network, 20, { snapshots: [1, 7, 8, 20] }), 11);
    expectSame(runOf({ ...network, activation: { name: 'gelu' } }, 5, { snapshots: [1, 2, 3, 4, 5] }), 2);
  });

  test('schedules of drift and noise, and both clamps', () => {
    const network = networkOf([16, 16, 3], [8, 16]);
    const drift = Array.from({ length: 20 }, (_, t) => 2 - t / 10);
    const noise = Array.from({ length: 20 }, (_, t) => (t % 3) / 50);
    const run = runOf(network, 20, { drift, noise, clampGradient: 0.03, clampSample: [-0.9, 0.5] });
    expectSame(run, 7);
    // The bounds are felt: without them the chains end elsewhere.
    const again = { ...run, weights: weightsOf(network, 3) };
    const start = startOf(network, 7);
    const bounded = fused(again, start)[0]!;
    expect(Math.max(...bounded)).toBe(0.5);
    const steep = fused({ ...again, clampGradient: Infinity }, start)[0]!;
    expect(relativeError(steep, bounded)).toBeGreaterThan(1e-3);
    tf.dispose([start, ...again.weights]);
  });
});

describe('numbers at the edge of the range', () => {
  const network = networkOf([16, 16, 3], [8, 16, 24]);

  test.each([1e-12, 1e3])('weights of the order of %d equal the loop', (scale) => {
    expectSame(runOf(network, 3, { weights: weightsOf(network, 3, scale) }), 5);
    const smooth: Network = { ...network, activation: { name: 'softplus' } };
    expectSame(runOf(smooth, 3, { weights: weightsOf(network, 3, scale) }), 5);
  });

  test('where the loop overflows to infinity, so does the call', () => {
    const run = runOf(network, 2, { weights: weightsOf(network, 3, 1e20) });
    const start = startOf(network, 5);
    const finite = (x: Float32Array): boolean[] => Array.from(x, Number.isFinite);
    const expected = finite(reference(run, start)[0]!);
    expect(expected).toContain(false);
    expect(finite(fused(run, start)[0]!)).toEqual(expected);
    tf.dispose([start, ...run.weights]);
  });

  test.each(['leakyRelu', 'relu', 'swish'] as const)(
    'with %s a NaN stays in its chain, clamped or not, and shows in the trace',
    (name) => {
      const size = 16 * 16 * 3;
      const activation = name === 'leakyRelu' ? { name, slope: 0.2 } : { name };
      const healthy = startOf(network, 9);
      const values = Float32Array.from(healthy.dataSync());
      values[4 * size + 100] = NaN;
      const sick = tf.tensor(values, healthy.shape);
      for (const clampSample of [
        [-Infinity, Infinity],
        [-1, 1],
      ] as const) {
        const run = runOf({ ...network, activation }, 3, { clampSample });
        const [expected] = fused(run, healthy);
        const [x, value] = fused(run, sick);
        expect(x![4 * size + 100]).toBeNaN();
        expect(value!.every(Number.isNaN)).toBe(true);
        expect(x!.slice(0, 4 * size)).toEqual(expected!.slice(0, 4 * size));
        expect(x!.slice(5 * size)).toEqual(expected!.slice(5 * size));
        tf.dispose([...run.weights]);
      }
      tf.dispose([healthy, sick]);
    },
  );
});

describe('a chain is the same, bit for bit', () => {
  const network = networkOf([16, 16, 3], [8, 16, 24]);
  const run = runOf(network, 10, { snapshots: [4] });
  const size = 16 * 16 * 3;

  test('alone and in any batch', () => {
    const start = startOf(network, 19);
    const together = fused(run, start)[0]!;
    for (const [first, count] of [
      [0, 1],
      [18, 1],
      [3, 2],
      [5, 7],
      [2, 13],
    ] as const) {
      const part = tf.slice(start, first, count);
      const some = fused({ ...run, firstChain: run.firstChain + first }, part)[0]!;
      expect(some, `${count} from ${first}`).toEqual(together.slice(first * size, (first + count) * size));
    }
  });

  test.each([1, 4, 7, 19])('for %i chains on 1, 2 and 3 threads, trace and snapshots included', (chains) => {
    const start = startOf(network, chains);
    setThreads(1);
    const one = fused(run, start);
    for (const count of [2, 3]) {
      setThreads(count);
      expect(fused(run, start)).toEqual(one);
    }
  });
});

test('the input is left as it was, no tensor stays behind and memory is flat', () => {
  const run = runOf(networkOf([16, 16, 3], [8, 16]), 2);
  const start = startOf(run.network, 12);
  const before = Float32Array.from(start.dataSync());
  const once = (): void => void fused(run, start);
  for (let i = 0; i < 100; i++) once();
  const { numTensors } = tf.memory();
  const { rss } = process.memoryUsage();
  for (let i = 0; i < 300; i++) once();
  expect(tf.memory().numTensors).toBe(numTensors);
  // A thread's working space alone is 400 kB a run: 120 MB would be lost.
  expect(process.memoryUsage().rss - rss).toBeLessThan(64 * 2 ** 20);
  expect(Float32Array.from(start.dataSync())).toEqual(before);
});
