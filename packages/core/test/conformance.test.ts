import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, test } from 'vitest';
import { fromFunction, gaussian, type KernelState, shortRun, type TransitionKernel } from '@srmcmc/core';
import { energyConformance, generatorConformance, kernelConformance } from '@srmcmc/core/testing';
import { normal } from '../src/draws.ts';

const quadratic = (x: tf.Tensor): tf.Tensor1D => tf.mul(tf.sum(tf.square(x), 1), -0.5);

/** Gradient ascent with noise, the least kernel there is; `flaw` breaks one rule of the interface. */
function ascent(flaw?: 'shared tensor' | 'hidden state' | 'leak' | 'batch noise'): TransitionKernel {
  let calls = 0;
  return {
    name: 'ascent',
    calibrated: false,
    init: (_energy, x) => ({ x: x.clone(), step: 0 }),
    step: (energy, state, key) => {
      calls++;
      const { value, grad } = energy.valueAndGrad(state.x);
      if (flaw === 'leak') tf.zeros([1]);
      return tf.tidy(() => {
        let x = tf.add(state.x, tf.mul(grad, 0.1));
        if (key !== undefined) {
          const noise = normal(key, x.shape, state.step + (flaw === 'hidden state' ? calls : 0));
          x = tf.add(x, tf.mul(flaw === 'batch noise' ? tf.reverse(noise, 0) : noise, 0.1));
        }
        const next = { x: flaw === 'shared tensor' ? state.x : x, step: state.step + 1 };
        const gradientNorm = tf.norm(grad, 'euclidean', 1) as tf.Tensor1D;
        grad.dispose();
        return { state: next, info: { value, gradientNorm } } as unknown as tf.TensorContainerObject;
      }) as unknown as { state: KernelState; info: { value: tf.Tensor1D; gradientNorm: tf.Tensor1D } };
    },
  };
}

describe('kernel conformance', () => {
  for (const { name, run } of kernelConformance(() => ascent())) test(name, run);

  const quiet = (): TransitionKernel => {
    const kernel = ascent();
    return { ...kernel, step: (energy, state) => kernel.step(energy, state) };
  };
  for (const { name, run } of kernelConformance(quiet, { noise: false })) test(`without noise: ${name}`, run);

  test('notices a kernel that is said to make no noise, and does', async () => {
    const outcomes = await Promise.allSettled(
      kernelConformance(() => ascent(), { noise: false }).map(({ run }) => run()),
    );
    expect(outcomes.some(({ status }) => status === 'rejected')).toBe(true);
  });

  test.each(['shared tensor', 'hidden state', 'leak', 'batch noise'] as const)(
    'notices a kernel with a flaw: %s',
    async (flaw) => {
      const outcomes = await Promise.allSettled(
        kernelConformance(() => ascent(flaw)).map(({ run }) => run()),
      );
      expect(outcomes.some(({ status }) => status === 'rejected')).toBe(true);
    },
  );
});

describe('energy conformance', () => {
  const scaled = (): ReturnType<typeof fromFunction> => {
    const precision = tf.variable(tf.tensor1d([1, 2]));
    const f = (x: tf.Tensor): tf.Tensor1D => tf.mul(tf.sum(tf.mul(tf.square(x), precision), 1), -0.5);
    return fromFunction(f, [2], { precision });
  };
  for (const { name, run } of energyConformance(scaled)) test(name, run);

  test('an energy that does not give one number a chain is refused', () => {
    const column = fromFunction((x) => tf.sum(x, 1, true) as unknown as tf.Tensor1D, [2]);
    expect(() => column.valueAndGrad(tf.ones([5, 2]))).toThrow(
      expect.objectContaining({ code: 'INVALID_SHAPE' }),
    );
  });

  test('notices a wrong gradient', async () => {
    const wrong = {
      ...fromFunction(quadratic, [2]),
      valueAndGrad: (x: tf.Tensor) => ({ value: quadratic(x), grad: tf.clone(x) }),
    };
    const outcomes = await Promise.allSettled(energyConformance(() => wrong).map(({ run }) => run()));
    expect(outcomes.some(({ status }) => status === 'rejected')).toBe(true);
  });
});

describe('generator conformance', () => {
  const generator = () => shortRun({ energy: quadratic, kernel: ascent(), steps: 4, initial: gaussian([2]) });
  for (const { name, run } of generatorConformance(generator)) test(name, run);

  test('a seed in the place of a key is refused by whatever draws or runs', async () => {
    const refusal = 'key: must be a Key, got 7: use key(seed)';
    const [model, seed] = [generator(), 7 as never];
    expect(() => model.prior(seed, 2)).toThrow(refusal);
    expect(() => model.generate(tf.ones([1, 2]), seed)).toThrow(refusal);
    await expect(model.generateAsync(tf.ones([1, 2]), seed)).rejects.toThrow(refusal);
  });
});
