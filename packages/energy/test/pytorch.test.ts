import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, test } from 'vitest';
import { type ActivationName, type Energy, key } from '@srmcmc/core';
import { convEnergy, convNetworkOf, energyOf, loadStateDict, mlpEnergy, toStateDict } from '@srmcmc/energy';
import { type Golden, golden, relativeError, under } from '../../../tools/goldens/golden.ts';

function weightsIn(tensors: ReadonlyMap<string, Golden>): Map<string, Golden> {
  return new Map([...tensors].filter(([name]) => /^f\.\d+\.(weight|bias)$/.test(name)));
}

function tensorOf({ data, shape }: Golden): tf.Tensor {
  return tf.tensor(data, [...shape], 'float32');
}

/** f, f' and the parameter gradients of mean f against those of PyTorch. */
async function expectAgreement(
  energy: Energy,
  x: tf.Tensor,
  expected: ReadonlyMap<string, Golden>,
): Promise<void> {
  const m = x.shape[0]!;
  const { value, grad } = energy.valueAndGrad(x);
  expect(relativeError(await value.data(), expected.get('value')!.data)).toBeLessThan(1e-5);
  expect(relativeError(await grad.data(), expected.get('grad.x')!.data)).toBeLessThan(1e-5);
  const { gradients } = energy.parameterGrads(x, tf.fill([m], 1 / m));
  for (const [name, { data, shape }] of await toStateDict({ variables: gradients })) {
    const golden = expected.get(`grad.${name}`)!;
    expect(shape, name).toEqual(golden.shape);
    expect(relativeError(data, golden.data), name).toBeLessThan(1e-5);
  }
}

describe("the paper's nets agree with PyTorch to 1e-5", () => {
  test.each([32, 64, 128])('%i px', async (side) => {
    const expected = golden(import.meta.url, `paper-${side}`);
    const weights = weightsIn(expected);
    const network = convNetworkOf(weights);
    expect(network.imageShape).toEqual([side, side, 3]);
    const energy = energyOf(network, key(0));
    loadStateDict(energy, weights);
    await expectAgreement(energy, tensorOf(expected.get('x')!), expected);
  });
});

describe('each activation of a convolutional net agrees with PyTorch to 1e-5', () => {
  const names: [ActivationName, string][] = [
    ['relu', 'relu'],
    ['elu', 'elu'],
    ['softplus', 'softplus'],
    ['swish', 'swish'],
    ['gelu', 'geluErf'],
  ];
  test.each(names)('%s', async (name, prefix) => {
    const expected = golden(import.meta.url, 'activations-32');
    const energy = convEnergy({
      imageShape: [32, 32, 3],
      channels: [2, 4, 8, 16],
      activation: { name },
      key: key(0),
    });
    loadStateDict(energy, weightsIn(expected));
    await expectAgreement(energy, tensorOf(expected.get('x')!), under(expected, `${prefix}.`));
  });
});

describe('each activation of an MLP agrees with PyTorch to 1e-5', () => {
  test.each(['tanh', 'softplus', 'leakyRelu'] as const)('%s', async (name) => {
    const expected = golden(import.meta.url, 'mlp');
    const energy = mlpEnergy({ dimension: 2, hidden: [16, 16], activation: { name }, key: key(0) });
    loadStateDict(energy, weightsIn(expected));
    await expectAgreement(energy, tensorOf(expected.get('x')!), under(expected, `${name}.`));
  });
});
