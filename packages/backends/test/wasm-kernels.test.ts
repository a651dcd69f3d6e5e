import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { selectBackend } from '../src/index.ts';
import { convolutions, convolve } from './convolutions.ts';
import { largestDifference, onBackend, random, type Arrays } from './compare.ts';

beforeAll(async () => {
  await selectBackend('cpu');
  await selectBackend('wasm');
});

/** Runs the same program on cpu and wasm: the largest relative difference over everything that it returns. */
async function disagreement(program: () => tf.Tensor[]): Promise<number> {
  const reference: Arrays = await onBackend('cpu', program);
  return largestDifference(await onBackend('wasm', program), reference);
}

/** The tolerance for sums of up to a few thousand float32 products taken in another order. */
const rounding = 2e-5;

describe('the convolution gradients on wasm', () => {
  it.each(convolutions)('agree with cpu for x $x, filter $filter, strides $strides, pad $pad', async (c) => {
    expect(await disagreement(() => convolve(c))).toBeLessThan(rounding);
  });

  it('agree with cpu when differentiated a second time', async () => {
    const hessianVectorProduct = () => {
      const x = random([2, 8, 8, 3], 1);
      const filter = random([4, 4, 3, 5], 2);
      const f = (x: tf.Tensor) => tf.sum(tf.softplus(tf.conv2d(x as tf.Tensor4D, filter, 2, 1)));
      return [tf.grad((x) => tf.sum(tf.mul(tf.grad(f)(x), random([2, 8, 8, 3], 3))))(x)];
    };
    expect(await disagreement(hessianVectorProduct)).toBeLessThan(rounding);
  });
});

describe('learning on wasm', () => {
  const activations: Record<string, (x: tf.Tensor4D) => tf.Tensor4D> = {
    leakyRelu: (x) => tf.leakyRelu(x, 0.2),
    softplus: (x) => tf.softplus(x),
    swish: (x) => tf.mul(x, tf.sigmoid(x)),
    gelu: (x) => tf.mul(tf.mul(x, 0.5), tf.add(1, tf.erf(tf.mul(x, Math.SQRT1_2)))),
    elu: (x) => tf.elu(x),
    tanh: (x) => tf.tanh(x),
  };

  it.each(Object.keys(activations))(
    "gives cpu's value, input gradient and parameter gradients of the paper's 32 px net with %s",
    async (name) => {
      const gradients = () => {
        const parameters = net(4);
        const f = (x: tf.Tensor, ...weights: tf.Tensor[]) =>
          tf.sum(energy(x as tf.Tensor4D, weights, activations[name]!)) as tf.Scalar;
        const { value, grads } = tf.valueAndGrads(f)([random([3, 32, 32, 3], 9), ...parameters]);
        return [value, ...grads];
      };
      expect(await disagreement(gradients)).toBeLessThan(1e-4);
    },
  );

  it('leaves no tensor behind', async () => {
    await tf.setBackend('wasm');
    const before = tf.memory();
    tf.tidy(() => {
      const parameters = net(2);
      tf.grads((x, ...weights) => tf.sum(energy(x as tf.Tensor4D, weights, (y) => tf.leakyRelu(y, 0.2))))([
        random([2, 32, 32, 3], 9),
        ...parameters,
      ]);
    });
    const after = tf.memory();
    expect([after.numTensors, after.numDataBuffers]).toEqual([before.numTensors, before.numDataBuffers]);
  });
});

describe('kernels lent by the cpu backend', () => {
  const programs: Record<string, () => tf.Tensor[]> = {
    'depthwise convolution, both gradients': () =>
      tf.grads((x, filter) => tf.depthwiseConv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 2, 'same'))([
        random([2, 7, 7, 3], 1),
        random([3, 3, 3, 2], 2),
      ]),
    'the gradient of gather': () => [
      tf.grad((x) => tf.square(tf.gather(x, tf.tensor1d([2, 0, 2, 1], 'int32'))))(random([3, 4], 1)),
    ],
  };

  it.each(Object.keys(programs))('agree with cpu: %s', async (name) => {
    expect(await disagreement(programs[name]!)).toBeLessThan(rounding);
  });

  it('leave no memory behind on either backend', async () => {
    await tf.setBackend('wasm');
    const held = () => [
      tf.memory().numTensors,
      tf.engine().findBackend('wasm').numDataIds(),
      tf.engine().findBackend('cpu').numDataIds(),
    ];
    const before = held();
    for (const program of Object.values(programs)) tf.tidy(() => void program());
    expect(held()).toEqual(before);
  });
});

/** Weights and biases of the paper's 32 px net with n channels in the first layer. */
function net(n: number): tf.Tensor[] {
  const filters = [
    [3, 3, 3, n],
    [4, 4, n, 2 * n],
    [4, 4, 2 * n, 4 * n],
    [4, 4, 4 * n, 8 * n],
    [4, 4, 8 * n, 1],
  ];
  return filters.flatMap((shape, layer) => {
    const scale = Math.sqrt(shape[0]! * shape[1]! * shape[2]!);
    return [tf.div(random(shape, 10 + layer), scale), random([shape[3]!], 20 + layer)];
  });
}

function energy(
  x: tf.Tensor4D,
  weights: tf.Tensor[],
  activation: (x: tf.Tensor4D) => tf.Tensor4D,
): tf.Tensor {
  let y = x;
  for (let layer = 0; layer < 5; layer++) {
    const stride = layer === 0 || layer === 4 ? 1 : 2;
    const pad = layer === 4 ? 0 : 1;
    y = tf.add(tf.conv2d(y, weights[2 * layer] as tf.Tensor4D, stride, pad), weights[2 * layer + 1]!);
    if (layer < 4) y = activation(y);
  }
  return y;
}
