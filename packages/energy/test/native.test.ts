/** The same energies on a backend that has kernels for whole networks. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { type ActivationName, key, normal } from '@srmcmc/core';
import { energyConformance } from '@srmcmc/core/testing';
import { convEnergy, mlpEnergy } from '@srmcmc/energy';
import { nativeStatus, registerNativeBackend } from '@srmcmc/native';
import { relativeError } from '../../../tools/goldens/golden.ts';

const available = registerNativeBackend();
const reason = available ? '' : ` (skipped: ${nativeStatus().reason})`;
const ACTIVATIONS = ['leakyRelu', 'relu', 'elu', 'softplus', 'swish', 'gelu', 'tanh'] as const;

describe.skipIf(!available)(`on the native backend${reason}`, () => {
  beforeAll(async () => {
    await tf.setBackend('srmcmc-native');
  });
  const conv = (name: ActivationName = 'leakyRelu') =>
    convEnergy({ imageShape: [8, 8, 3], channels: [4, 6], activation: { name }, key: key(1) });
  const mlp = (name: ActivationName = 'swish') =>
    mlpEnergy({ dimension: 2, hidden: [8, 8], activation: { name }, key: key(2) });

  for (const name of ACTIVATIONS) {
    // A kink of f or of its gradient inside a central difference adds an error that smooth activations do not have.
    const tolerance = ['leakyRelu', 'relu', 'elu'].includes(name) ? 0.05 : 0.02;
    describe(`convEnergy with ${name}`, () => {
      for (const { name: claim, run } of energyConformance(() => conv(name), { tolerance })) test(claim, run);
    });
  }
  describe('mlpEnergy', () => {
    for (const { name: claim, run } of energyConformance(() => mlp())) test(claim, run);
  });

  test.each([
    ['convEnergy', conv],
    ['mlpEnergy', mlp],
  ] as const)('%s: each gradient is one call, and agrees with the cpu backend to 1e-5', async (_, make) => {
    const energy = make();
    const shape = [5, ...energy.eventShape];
    const x = normal(key(3), shape);
    const weights = tf.tensor1d([1, -0.5, 0.25, 2, -1]);
    const compute = (): tf.Tensor[] => {
      const { value, grad } = energy.valueAndGrad(x);
      const { value: again, gradients } = energy.parameterGrads(x, weights);
      return [value, grad, again, ...Object.keys(energy.variables).map((name) => gradients[name]!)];
    };
    const kernels = ['NetworkValueAndGrad', 'NetworkParameterGrad'].map((name) =>
      vi.spyOn(tf.getKernel(name, 'srmcmc-native'), 'kernelFunc'),
    );
    const actual = await Promise.all(compute().map((tensor) => tensor.data()));
    for (const calls of kernels) {
      expect(calls).toHaveBeenCalledTimes(1);
      calls.mockRestore();
    }
    const later = await energy.parameterGradsAsync!(x, weights);
    expect(await later.value.data()).toEqual(actual[2]);
    expect(await Promise.all(Object.values(later.gradients).map((tensor) => tensor.data()))).toEqual(
      actual.slice(3),
    );
    await tf.setBackend('cpu');
    const expected = await Promise.all(compute().map((tensor) => tensor.data()));
    await tf.setBackend('srmcmc-native');
    actual.forEach((values, i) =>
      expect(relativeError(values as Float32Array, expected[i] as Float32Array)).toBeLessThan(1e-5),
    );
  });

  test('a gradient is taken through a gradient by the operators, as on the cpu backend', async () => {
    const energy = conv('softplus');
    const x = normal(key(4), [2, 8, 8, 3]);
    const squares = (at: tf.Tensor): tf.Scalar => tf.sum(tf.square(energy.valueAndGrad(at).grad));
    const actual = await tf.grad(squares)(x).data();
    await tf.setBackend('cpu');
    const expected = await tf.grad(squares)(x).data();
    await tf.setBackend('srmcmc-native');
    expect(Math.max(...(expected as Float32Array).map(Math.abs))).toBeGreaterThan(0);
    expect(relativeError(actual, expected)).toBeLessThan(1e-4);
  });
});
