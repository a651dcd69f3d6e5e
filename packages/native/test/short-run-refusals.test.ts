/** What the fused sampler cannot run is refused, and what it runs stays inside its buffers. */

import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';

import { loadAddon } from '../src/addon.ts';
import { BACKEND_NAME } from '../src/index.ts';
import { integer, pick, random } from './setup.ts';
import { fused, networkOf, runOf, startOf } from './short-runs.ts';

const loaded = loadAddon();
if (!('addon' in loaded)) throw new Error(loaded.reason);
const { addon } = loaded;

beforeAll(() => void tf.setBackend(BACKEND_NAME));

describe('what cannot be run is refused with a TypeError', () => {
  const network = networkOf([8, 8, 3], [4, 6]);
  const run = runOf(network, 3);

  test.each<[string, object]>([
    ['a network of another kind', { network: { ...network, kind: 'rnn' } }],
    ['no network', { network: undefined }],
    ['another activation', { network: { ...network, activation: { name: 'sine' } } }],
    ['leakyRelu without a slope', { network: { ...network, activation: { name: 'leakyRelu' } } }],
    ['another image shape', { network: { ...network, imageShape: [8, 8, 4] } }],
    [
      'a network that does not end in one number',
      { network: { ...network, layers: network.layers.slice(0, 2) } },
    ],
    ['more layers than weights', { network: { ...network, layers: [...network.layers, network.layers[2]] } }],
    ['a schedule of another length', { drift: [1, 1] }],
    ['a snapshot after the last step', { snapshots: [1, 4] }],
    ['snapshots that do not increase', { snapshots: [2, 2] }],
    ['no steps', { steps: 0, drift: [], noise: [] }],
    ['half a key', { key: [1] }],
    ['a key beyond 32 bits', { key: [1, 2 ** 32] }],
    ['chains beyond 32 bits', { firstChain: 2 ** 32 - 1 }],
    ['weights of another shape', { weights: [...run.weights].reverse() }],
    ['missing weights', { weights: run.weights.slice(1) }],
    ['whole-number weights', { weights: run.weights.map((weight) => tf.cast(weight, 'int32')) }],
  ])('%s', (_, changes) => {
    const start = startOf(network, 2);
    const before = tf.memory().numTensors;
    expect(() => fused({ ...run, ...changes }, start)).toThrow(TypeError);
    expect(tf.memory().numTensors).toBe(before);
  });

  test('positions of another dtype', () => {
    const start = tf.ones([2, 8, 8, 3], 'int32');
    expect(() => fused(run, start)).toThrow(TypeError);
  });

  test('any geometry: it runs inside its buffers or is refused', () => {
    const next = random(31);
    let ran = 0;
    for (let i = 0; i < 4000; i++) {
      const chains = integer(next, 0, 7);
      const steps = integer(next, 1, 2);
      const [height, width, channels] = [integer(next, 1, 9), integer(next, 1, 9), integer(next, 1, 3)];
      const layers = Array.from({ length: integer(next, 0, 2) }, () => [
        integer(next, 1, 4),
        integer(next, 1, 3),
        integer(next, 0, 2),
        integer(next, 1, 20),
      ]);
      // The last layer's kernel covers what is left, where that is square.
      let [h, w] = [height, width];
      for (const [kernel, stride, padding] of layers as [number, number, number][])
        [h, w] = [h, w].map((side) => Math.floor((side + 2 * padding - kernel) / stride) + 1) as [
          number,
          number,
        ];
      layers.push([Math.max(1, pick(next, [h, w])), 1, 0, 1]);
      const shape = Int32Array.of(chains, height, width, channels, ...layers.flat());
      const activation = pick(next, [1, 3, 4, 7, 8, 9, 10]);
      const snapshots = Int32Array.from({ length: steps }, (_, step) => step + 1);
      const guards: Float32Array[] = [];
      const guarded = (length: number): Float32Array => {
        const whole = new Float32Array(length + 32).fill(7);
        guards.push(whole);
        return whole.subarray(16, 16 + length).fill(0.1);
      };
      let inChannels = channels;
      const weights = layers.flatMap(([kernel = 1, , , out = 1]) => {
        const pair = [guarded(kernel * kernel * inChannels * out), guarded(out)];
        inChannels = out;
        return pair;
      });
      const positions = chains * height * width * channels;
      const [drift, noise, x, ...results] = [
        ...[steps, steps, positions, positions, steps, steps],
        ...Array.from(snapshots, () => positions),
      ].map(guarded) as [Float32Array, Float32Array, Float32Array, ...Float32Array[]];
      try {
        const network = [shape, activation, 0.2, 0] as const;
        const coefficients = [drift, noise, snapshots] as const;
        addon.shortRun(...network, Infinity, -1, 1, 1, 2, 3, ...coefficients, x, ...weights, ...results);
        ran++;
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError);
      }
      for (const whole of guards) {
        expect(whole.subarray(0, 16).every((v) => v === 7)).toBe(true);
        expect(whole.subarray(-16).every((v) => v === 7)).toBe(true);
      }
    }
    expect(ran).toBeGreaterThan(500);
  });
});
