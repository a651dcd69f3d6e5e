/** A network's gradients in one call, held against automatic differentiation of tfjs operators. */

import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';

import { BACKEND_NAME, nativeStatus, setPrecision, setThreads } from '../src/index.ts';
import { array, random, relativeError } from './setup.ts';
import { inputsOf, negativeEnergy, type Network, networkOf, startOf, weightsOf } from './short-runs.ts';

const { threads } = nativeStatus();

beforeAll(() => void tf.setBackend(BACKEND_NAME));
afterEach(() => {
  setThreads(threads!);
  setPrecision('float32');
});

const leaky = { name: 'leakyRelu', slope: 0.2 } as const;
const cases: [string, Network, number[]][] = [
  ["the paper's 32 px net", networkOf([32, 32, 3], [8, 16, 32, 64]), [1, 7, 45]],
  ['a 64 px net', networkOf([64, 64, 3], [5, 8, 16, 32, 33]), [3]],
  ['28 px in grey with odd channels', networkOf([28, 28, 1], [5, 7, 9]), [2, 11]],
  ['channels of one', networkOf([8, 8, 1], [1, 3, 1]), [5]],
  ['images of many channels', networkOf([12, 12, 17], [18, 33, 6]), [13]],
  ['images of five channels, wide', networkOf([10, 10, 5], [70, 40]), [6]],
  ['a single layer', networkOf([6, 6, 2], []), [9]],
  ['points', { kind: 'mlp', sizes: [2, 64, 33, 1], activation: leaky }, [1, 300, 1000]],
  ...(['relu', 'elu', 'softplus', 'swish', 'gelu', 'tanh'] as const).map(
    (name): [string, Network, number[]] => [name, networkOf([16, 16, 3], [6, 24], { name }), [8]],
  ),
];

function kernel(name: string, inputs: tf.NamedTensorMap, attributes: object): tf.Tensor[] {
  return tf.engine().runKernel(name, inputs, attributes as tf.NamedAttrMap) as unknown as tf.Tensor[];
}

describe.each(cases)('%s', (_, network, batches) => {
  test.each(batches)('f and its gradient in %i events agree with the tape to 1e-5', (n) => {
    const weights = weightsOf(network, 3);
    const x = startOf(network, n);
    const actual = kernel('NetworkValueAndGrad', inputsOf({ weights }, x), { network });
    const f = (at: tf.Tensor): tf.Tensor => negativeEnergy(network, weights, at);
    const { value, grad } = tf.valueAndGrad(f)(x, tf.ones([n]));
    [value, grad].forEach((expected, i) => {
      expect(actual[i]!.shape).toEqual(expected.shape);
      expect(
        relativeError(actual[i]!.dataSync() as Float32Array, expected.dataSync() as Float32Array),
      ).toBeLessThan(1e-5);
    });
    tf.dispose([x, value, grad, ...weights, ...actual]);
  });

  test.each(batches)('the gradients in the parameters for %i events agree with the tape to 1e-5', (n) => {
    const parameters = weightsOf(network, 3);
    const x = startOf(network, n);
    const weights = tf.tensor1d(array(random(5), n));
    const inputs = { ...inputsOf({ weights: parameters }, x), weights };
    const [value, ...gradients] = kernel('NetworkParameterGrad', inputs, { network });
    const f = (...at: tf.Tensor[]): tf.Scalar =>
      tf.sum(tf.mul(negativeEnergy(network, at, x), weights)) as tf.Scalar;
    const expected = tf.grads(f)(parameters);
    const direct = negativeEnergy(network, parameters, x);
    expect(relativeError(value!.dataSync() as Float32Array, direct.dataSync() as Float32Array)).toBeLessThan(
      1e-5,
    );
    expect(gradients.length).toBe(expected.length);
    gradients.forEach((gradient, i) => {
      expect(gradient.shape).toEqual(expected[i]!.shape);
      const error = relativeError(
        gradient.dataSync() as Float32Array,
        expected[i]!.dataSync() as Float32Array,
      );
      expect(error, `parameter ${i}`).toBeLessThan(1e-5);
    });
    tf.dispose([x, weights, value!, direct, ...parameters, ...gradients, ...expected]);
  });
});

test('the gradients are the same bits on 1, 2, 3 and 7 threads', () => {
  const network = networkOf([32, 32, 3], [8, 16, 32, 64]);
  const parameters = weightsOf(network, 3);
  const x = startOf(network, 100);
  const weights = tf.tensor1d(array(random(5), 100));
  const inputs = { ...inputsOf({ weights: parameters }, x), weights };
  const bits = (): Float32Array[] =>
    ['NetworkParameterGrad', 'NetworkValueAndGrad'].flatMap((name) => {
      const results = kernel(name, inputs, { network });
      const values = results.map((tensor) => Float32Array.from(tensor.dataSync()));
      tf.dispose(results);
      return values;
    });
  setThreads(1);
  const alone = bits();
  for (const count of [2, 3, 7]) {
    setThreads(count);
    expect(bits()).toEqual(alone);
  }
  tf.dispose([x, weights, ...parameters]);
});

describe('bfloat16', () => {
  const network = networkOf([32, 32, 3], [8, 16, 32, 64]);
  const gradient = (attributes: object): Float32Array => {
    const weights = weightsOf(network, 3);
    const x = startOf(network, 8);
    const results = kernel('NetworkValueAndGrad', inputsOf({ weights }, x), { network, ...attributes });
    const values = Float32Array.from(results[1]!.dataSync());
    tf.dispose([x, ...weights, ...results]);
    return values;
  };

  test("is a kernel's when asked for, near the single-precision gradient and not equal to it", () => {
    const error = relativeError(gradient({ precision: 'bfloat16' }), gradient({}));
    expect(error).toBeGreaterThan(1e-4);
    expect(error).toBeLessThan(0.3);
  });

  test('is what setPrecision makes the default; a kernel that is told otherwise obeys', () => {
    const single = gradient({});
    const half = gradient({ precision: 'bfloat16' });
    setPrecision('bfloat16');
    expect(gradient({})).toEqual(half);
    expect(gradient({ precision: 'float32' })).toEqual(single);
  });

  test('is named with its instructions by nativeStatus; another precision is refused', () => {
    expect(nativeStatus().precisions!.float32).toBe(nativeStatus().instructionSet);
    expect(nativeStatus().precisions!.bfloat16).toMatch(/amx|avx512bf16|avx2|portable/);
    expect(() => setPrecision('float16' as 'bfloat16')).toThrow(TypeError);
    expect(() => gradient({ precision: 'float16' })).toThrow(TypeError);
  });
});
