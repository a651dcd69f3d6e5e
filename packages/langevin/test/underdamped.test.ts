import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, test } from 'vitest';
import { fromFunction, gaussian, key, runChains, shortRun, uniform } from '@srmcmc/core';
import { generatorConformance, kernelConformance } from '@srmcmc/core/testing';
import { convEnergy } from '@srmcmc/energy';
import { underdamped, type UnderdampedOptions } from '@srmcmc/langevin';

const code = (expected: string): unknown => expect.objectContaining({ code: expected });
const SPLITTINGS = ['BAOAB', 'OBABO'] as const;

describe.each(SPLITTINGS)('%s', (splitting) => {
  const make = () => underdamped({ stepSize: 0.4, friction: 1, splitting });
  for (const { name, run } of kernelConformance(make)) test(name, run);

  const generator = () =>
    shortRun({
      energy: convEnergy({ imageShape: [8, 8, 3], channels: [4, 8], key: key(1) }),
      kernel: make(),
      steps: 5,
      initial: uniform([8, 8, 3]),
    });
  for (const { name, run } of generatorConformance(generator)) test(`as a generator: ${name}`, run);
});

const S = 0.9;
const bowl = fromFunction((x) => tf.mul(tf.sum(tf.square(x), 1), -0.5 / S ** 2) as tf.Tensor1D, [1]);

/** One noiseless step of the harmonic oscillator from (x, r), by hand: the letters of the splitting in order. */
function byHand(splitting: string, h: number, friction: number, x: number, r: number): [number, number] {
  for (const part of splitting) {
    const time = h / [...splitting].filter((other) => other === part).length;
    if (part === 'A') x += time * r;
    else if (part === 'B') r -= (time * x) / S ** 2;
    else r *= Math.exp(-friction * time);
  }
  return [x, r];
}

describe.each(SPLITTINGS)('on a Gaussian, %s', (splitting) => {
  test('goes through A, B and O in its order', () => {
    const kernel = underdamped({ stepSize: 0.5, friction: 0.7, splitting });
    const state = { ...kernel.init(bowl, tf.tensor2d([[1.3]])), momentum: tf.tensor2d([[-0.8]]), step: 1 };
    const { state: next } = kernel.step(bowl, state);
    const [x, r] = byHand(splitting, 0.5, 0.7, 1.3, -0.8);
    expect(next.x.dataSync()[0]).toBeCloseTo(x, 6);
    expect(next.momentum.dataSync()[0]).toBeCloseTo(r, 6);
  });

  // Leapfrog keeps r² + (1 − h²/4s²) x²/s², and O keeps the momentum's law, so OBABO's positions have the variance
  // T s² / (1 − h²/4s²). BAOAB's are exact (Leimkuhler and Matthews 2013).
  test.each([
    [0.9, 1, 1],
    [1.4, 0.5, 2],
  ])(
    'has the variance in closed form for h = %d, friction %d, temperature %d',
    (h, friction, temperature) => {
      const exact = temperature * S ** 2;
      const predicted = splitting === 'BAOAB' ? exact : exact / (1 - h ** 2 / (4 * S ** 2));
      const chains = 6000;
      const misses = [1, 2, 3, 4].filter((seed) => {
        const start = gaussian([1]).sample(key(seed), chains);
        const kernel = underdamped({ stepSize: h, friction, splitting, temperature });
        const { x } = runChains({ energy: bowl, kernel, steps: 40 }, start, key(100 + seed));
        const variance = tf.mean(tf.square(x)).arraySync() as number;
        return Math.abs(variance / predicted - 1) > 3 * Math.sqrt(2 / chains);
      });
      // Each seed misses with probability 0.3 %. The two splittings differ by more than that can hide.
      expect(misses.length).toBeLessThanOrEqual(1);
      expect(h ** 2 / (4 * S ** 2)).toBeGreaterThan(6 * Math.sqrt(2 / chains));
    },
  );

  test('without friction keeps the energy, and with much of it forgets the momentum', async () => {
    const start = gaussian([1]).sample(key(1), 50);
    const after = (friction: number) => {
      const kernel = underdamped({ stepSize: 0.05, friction, splitting });
      let state = kernel.step(bowl, kernel.init(bowl, start), key(2)).state;
      const [first, before] = [state.momentum, energyOf(state)];
      for (let i = 0; i < 40; i++) state = kernel.step(bowl, state, key(2)).state;
      return { first, last: state.momentum, before, after: energyOf(state) };
    };
    const free = after(0);
    free.after.forEach((value, i) =>
      expect(Math.abs(value - free.before[i]!)).toBeLessThan(0.002 * (1 + value)),
    );
    const bound = after(200);
    const correlation = tf.mean(tf.mul(bound.first, bound.last)).arraySync() as number;
    expect(Math.abs(correlation)).toBeLessThan(0.5);
    expect(tf.mean(tf.square(bound.last)).arraySync()).toBeGreaterThan(0.5);
  });
});

/** H = r²/2 − f(x) of each chain. */
const energyOf = ({ momentum, value }: { momentum: tf.Tensor; value: tf.Tensor1D }): number[] =>
  tf.sub(tf.mul(tf.sum(tf.square(momentum), 1), 0.5), value).arraySync() as number[];

describe('underdamped refuses', () => {
  const options = { stepSize: 0.1, friction: 1 };
  test.each<[string, Partial<UnderdampedOptions>]>([
    ['a step size of 0', { stepSize: 0 }],
    ['negative friction', { friction: -1 }],
    ['a friction that is not a number', { friction: Number.NaN }],
    ['a temperature of 0', { temperature: 0 }],
    ['an unknown splitting', { splitting: 'ABOBA' as never }],
  ])('%s', (_name, change) => {
    expect(() => underdamped({ ...options, ...change })).toThrow(code('INVALID_ARGUMENT'));
  });
});
