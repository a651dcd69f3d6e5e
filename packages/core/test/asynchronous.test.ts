/** Chains that take turns with the rest of the program, on a backend that has no kernel for it. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  CancelledError,
  dispose,
  fromFunction,
  gaussian,
  key,
  normal,
  runChains,
  runChainsAsync,
  shortRun,
  type TransitionKernel,
} from '@srmcmc/core';

beforeAll(() => void tf.setBackend('cpu'));

const energy = fromFunction((x) => tf.mul(tf.sum(tf.square(x), 1), -0.5) as tf.Tensor1D, [3]);

/** Gradient ascent with noise; `busy` milliseconds a step. */
function ascent(busy = 0): TransitionKernel {
  return {
    name: 'ascent',
    calibrated: false,
    init: (_energy, x) => ({ x: x.clone(), step: 0 }),
    step: (on, { x, step }, noise) => {
      const until = performance.now() + busy;
      while (performance.now() < until);
      const { value, grad } = on.valueAndGrad(x);
      const [next, gradientNorm] = tf.tidy(() => {
        const moved = tf.add(x, tf.mul(grad, 0.1));
        return [
          noise === undefined ? moved : tf.add(moved, normal(noise, x.shape, step)),
          tf.norm(grad, 'euclidean', 1) as tf.Tensor1D,
        ];
      }) as [tf.Tensor, tf.Tensor1D];
      grad.dispose();
      return { state: { x: next, step: step + 1 }, info: { value, gradientNorm } };
    },
  };
}
const start = () => normal(key(1), [4, 3]);
const floats = async (tensors: tf.Tensor[]) => Promise.all(tensors.map(async (x) => [...(await x.data())]));

describe('runChainsAsync', () => {
  test('gives what runChains gives, trace and snapshots included, and leaves no other tensor', async () => {
    const options = { energy, kernel: ascent(1), steps: 40, snapshots: [1, 17, 40] };
    const x0 = start();
    const expected = runChains(options, x0, key(2));
    const before = tf.memory().numTensors;
    const actual = await runChainsAsync(options, x0, key(2));
    expect(tf.memory().numTensors).toBe(before + 6);
    const parts = ({ x, trace }: typeof actual) => [x, trace.value, trace.gradientNorm, ...trace.snapshots];
    expect(await floats(parts(actual))).toEqual(await floats(parts(expected)));
    dispose([x0, actual, expected]);
    expect(x0.isDisposed).toBe(true);
  });

  test('lets the event loop turn, and tells its progress, rising to 1', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const fractions: number[] = [];
    const onProgress = (fraction: number): void => void fractions.push(fraction);
    const x0 = start();
    dispose(await runChainsAsync({ energy, kernel: ascent(5), steps: 40 }, x0, undefined, { onProgress }));
    clearInterval(timer);
    expect(turns).toBeGreaterThan(5);
    expect(fractions.length).toBeGreaterThan(5);
    expect([...fractions].sort((a, b) => a - b)).toEqual(fractions);
    expect(fractions.at(-1)).toBe(1);
  });

  test.each([0, 60])(
    'cancelled after %i ms rejects with CancelledError, its cause the reason, no tensor left',
    async (ms) => {
      const x0 = start();
      const before = tf.memory().numTensors;
      const controller = new AbortController();
      const reason = new Error('enough');
      const options = { energy, kernel: ascent(5), steps: 100_000, snapshots: [1] };
      if (ms === 0) controller.abort(reason);
      const promise = runChainsAsync(options, x0, key(2), { signal: controller.signal });
      const settled = promise.then(
        () => undefined,
        (error: unknown) => error,
      );
      if (ms > 0) {
        await sleep(ms);
        controller.abort(reason);
      }
      const error = await settled;
      expect(error).toBeInstanceOf(CancelledError);
      expect(error).toMatchObject({ code: 'CANCELLED', cause: reason });
      expect(tf.memory().numTensors).toBe(before);
    },
  );

  test('rejects for what runChains throws for', async () => {
    const x0 = start();
    await expect(runChainsAsync({ energy, kernel: ascent(), steps: 0 }, x0)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await expect(
      runChainsAsync({ energy, kernel: ascent(), steps: 1 }, tf.zeros([2, 5])),
    ).rejects.toMatchObject({
      code: 'INVALID_SHAPE',
    });
  });
});

test('generateAsync and runAsync of a short run give what generate and run give', async () => {
  const model = shortRun({ energy, kernel: ascent(), steps: 10, initial: gaussian([3]) });
  const z = model.prior(key(3), 5);
  const expected = await floats([model.generate(z, key(4))]);
  const before = tf.memory().numTensors;
  const x = await model.generateAsync(z, key(4));
  expect(tf.memory().numTensors).toBe(before + 1);
  expect(await floats([x])).toEqual(expected);
  expect(await floats([(await model.runAsync(z, key(4))).x])).toEqual(expected);
});

test.each([2, 'steps', null])('snapshots that are no list are refused: %j', (snapshots) => {
  const options = { energy, kernel: ascent(), steps: 4, snapshots: snapshots as never };
  expect(() => runChains(options, start())).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT', field: 'snapshots' }),
  );
});
