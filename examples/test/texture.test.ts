/** What examples/texture.ts is made of: its optimizer, and that a chain takes on a texture's statistics. */
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { selectBackend } from '@srmcmc/backends';
import { key } from '@srmcmc/core';
import { readGrey, toGrey } from '../texture/grey.ts';
import { proportionalIntegral } from '../texture/proportional-integral.ts';
import { synthesise } from '../texture/synthesise.ts';

const gravel = fileURLToPath(new URL('../texture/gravel.png', import.meta.url));
beforeAll(() => selectBackend('auto'));

describe('proportionalIntegral', () => {
  test('is θ_t = I_t − λ g_t, with I_t = I_{t−1} − γ g_t', async () => {
    const theta = tf.variable(tf.tensor1d([1, 2]));
    const optimizer = proportionalIntegral({ proportional: 4, integral: 0.5 });
    let state = optimizer.init({ theta });
    const found: number[][] = [];
    for (const gradient of [
      [2, -1],
      [-4, 0],
    ]) {
      state = optimizer.update({ theta }, { theta: tf.tensor1d(gradient) }, state);
      found.push(await theta.array());
    }
    expect(found).toEqual([
      [0 - 8, 2.5 + 4],
      [2 + 16, 2.5],
    ]);
    expect(state.step).toBe(2);
    expect(() => optimizer.update({ theta }, {}, state)).toThrow("has none for 'theta'");
  });

  test('comes to rest where a chain lags behind θ and the integral alone swings for ever', () => {
    /** x follows θ by a twentieth of it a step; the gradient is x − 1. How far x is from 1 in the last 100 of 400 steps. */
    const swing = (proportional: number): number => {
      const theta = tf.variable(tf.scalar(0));
      const optimizer = proportionalIntegral({ proportional, integral: 0.05 });
      let state = optimizer.init({ theta });
      let [x, largest] = [0, 0];
      for (let step = 0; step < 400; step++) {
        x += 0.05 * theta.dataSync()[0]!;
        state = optimizer.update({ theta }, { theta: tf.scalar(x - 1) }, state);
        if (step >= 300) largest = Math.max(largest, Math.abs(x - 1));
      }
      return largest;
    };
    expect(swing(0)).toBeGreaterThan(0.5);
    expect(swing(2)).toBeLessThan(0.01);
  });
});

describe('synthesise', () => {
  test.each(['histograms', 'products'] as const)(
    "%s: noise takes on a texture's features to a fifth of how they differed, and is no copy of it",
    async (statistics) => {
      const { standardised } = await readGrey(gravel);
      const made = await synthesise({
        observed: standardised,
        size: 32,
        statistics,
        iterations: 60,
        key: key(1),
      });
      expect(made.difference).toBeLessThan(made.atFirst / 5);
      const corner = tf.slice(standardised, [0, 0, 0, 0], [1, 32, 32, 1]);
      const [correlation] = await tf.mean(tf.mul(corner, made.x)).data();
      expect(Math.abs(correlation!)).toBeLessThan(0.5);
      tf.dispose([standardised, made.x, corner]);
    },
  );

  test('ends with what there is at the abort, and leaves no tensor but x', async () => {
    const { standardised } = await readGrey(gravel);
    const { numTensors } = tf.memory();
    const interruption = new AbortController();
    const texture = {
      observed: standardised,
      size: 32,
      statistics: 'products',
      iterations: 50,
      key: key(1),
    } as const;
    const made = await synthesise(texture, {
      signal: interruption.signal,
      onProgress: (share) => share >= 0.04 && interruption.abort(),
    });
    expect(made.iterations).toBe(2);
    made.x.dispose();
    expect(tf.memory().numTensors).toBe(numTensors);
  });
});

describe('grey images', () => {
  test('come back as they were', async () => {
    const { standardised, ...scale } = await readGrey(gravel);
    const [mean, square] = [tf.mean(standardised), tf.mean(tf.square(standardised))].map(
      (each) => each.dataSync()[0]!,
    );
    expect(mean).toBeCloseTo(0, 5);
    expect(square).toBeCloseTo(1, 4);
    const bytes = await toGrey(standardised, scale);
    expect(bytes).toHaveLength(128 * 128);
    expect(bytes.reduce((sum, each) => sum + each, 0) / bytes.length).toBeCloseTo(scale.mean, 3);
  });

  test('are refused where the file is none', async () => {
    await expect(readGrey(fileURLToPath(import.meta.url))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });
});
