import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, test } from 'vitest';
import { type ActivationName, key } from '@srmcmc/core';
import { energyConformance } from '@srmcmc/core/testing';
import {
  convEnergy,
  convNetwork,
  convNetworkOf,
  energyOf,
  loadStateDict,
  mlpEnergy,
  multiplyAccumulates,
  paperChannels,
  toStateDict,
} from '@srmcmc/energy';

const code = (expected: string): unknown => expect.objectContaining({ code: expected });
const small = (name: ActivationName = 'leakyRelu', seed = 1) =>
  convEnergy({ imageShape: [8, 8, 3], channels: [4, 6], activation: { name }, key: key(seed) });

for (const name of ['leakyRelu', 'relu', 'elu', 'softplus', 'swish', 'gelu', 'tanh'] as const) {
  // A kink inside a central difference adds an error that a smooth activation does not have.
  const tolerance = name === 'leakyRelu' || name === 'relu' ? 0.05 : 0.02;
  describe(`convEnergy with ${name}`, () => {
    for (const { name: claim, run } of energyConformance(() => small(name), { tolerance })) test(claim, run);
  });
}

describe('mlpEnergy', () => {
  const make = () => mlpEnergy({ dimension: 2, hidden: [8, 8], key: key(2) });
  for (const { name, run } of energyConformance(make)) test(name, run);

  test('refuses sizes that are not positive integers', () => {
    const refusal = (dimension: number, hidden: number[]) => () =>
      mlpEnergy({ dimension, hidden, key: key(1) });
    expect(refusal(2, [3, 0])).toThrow('hidden: must list positive integers, got [3, 0]');
    expect(refusal(0, [3])).toThrow('dimension: must be an integer of at least 1, got 0');
    expect(refusal(1.5, [3])).toThrow('dimension: must be an integer of at least 1, got 1.5');
  });
});

describe("the paper's nets", () => {
  test.each([0, -1, 1.5, NaN])('are not of n = %d', (n) => {
    expect(() => paperChannels(32, n)).toThrow(`n: must be an integer of at least 1, got ${n}`);
  });

  test('have the channels of section 7.4', () => {
    expect(paperChannels(32, 64)).toEqual([64, 128, 256, 512]);
    expect(paperChannels(64, 64)).toEqual([64, 128, 256, 512, 512]);
    expect(paperChannels(64, 64, { widest: 16 })).toEqual([64, 128, 256, 512, 1024]);
    expect(paperChannels(128, 32)).toEqual([32, 64, 128, 256, 256, 256]);
  });

  test('cost 27·1024·n + 16·256·2n² + 16·64·8n² + 16·16·32n² + 128n multiply-accumulates at 32 px', () => {
    const n = 32;
    const expected =
      27 * 1024 * n + 16 * 256 * 2 * n ** 2 + 16 * 64 * 8 * n ** 2 + 16 * 16 * 32 * n ** 2 + 128 * n;
    const network = convNetwork([32, 32, 3], paperChannels(32, n), { name: 'leakyRelu' });
    expect(multiplyAccumulates(network)).toBe(expected);
  });

  test("start from PyTorch's default weights: uniform within 1/sqrt(fan-in)", async () => {
    const energy = convEnergy({ imageShape: [32, 32, 3], channels: paperChannels(32, 8), key: key(3) });
    for (const [name, { data, shape }] of await toStateDict(energy)) {
      if (!name.endsWith('weight')) continue;
      const bound = 1 / Math.sqrt(shape[1]! * shape[2]! * shape[3]!);
      expect(Math.max(...data.map(Math.abs)), name).toBeLessThanOrEqual(bound);
      // A uniform's standard deviation is bound/√3, known here to within its sampling error.
      const deviation = Math.sqrt(data.reduce((sum, w) => sum + w ** 2, 0) / data.length);
      expect(Math.abs((deviation * Math.sqrt(3)) / bound - 1), name).toBeLessThan(4 / Math.sqrt(data.length));
    }
  });

  test('are the same for the same key, and differ for another', async () => {
    const first = await toStateDict(small('leakyRelu', 1));
    expect(await toStateDict(small('leakyRelu', 1))).toEqual(first);
    expect(await toStateDict(small('leakyRelu', 2))).not.toEqual(first);
  });
});

describe('convEnergy refuses', () => {
  test.each([
    ['an image that is not square', [8, 6, 3], [4, 8]],
    ['a side that cannot be halved so often', [10, 10, 3], [4, 8, 8]],
    ['no channels', [8, 8, 3], []],
    ['zero channels', [8, 8, 3], [4, 0]],
  ])('%s', (_name, imageShape, channels) => {
    const options = { imageShape: imageShape as [number, number, number], channels, key: key(1) };
    expect(() => convEnergy(options)).toThrow(code('INVALID_ARGUMENT'));
  });

  test('an activation or a slope that it does not know', () => {
    const options = { imageShape: [8, 8, 3] as [number, number, number], channels: [4], key: key(1) };
    expect(() => convEnergy({ ...options, activation: { name: 'sine' as 'tanh' } })).toThrow(
      code('INVALID_ARGUMENT'),
    );
    expect(() => convEnergy({ ...options, activation: { name: 'toString' as 'tanh' } })).toThrow(
      code('INVALID_ARGUMENT'),
    );
    expect(() => convEnergy({ ...options, activation: { name: 'leakyRelu', slope: 1 } })).toThrow(
      code('INVALID_ARGUMENT'),
    );
    expect(() => convEnergy({ ...options, activation: 'relu' as never })).toThrow(
      'activation: must be an object such as { name: \'relu\' }, got "relu"',
    );
  });
});

describe('state dicts', () => {
  test('survive the way out and back bit for bit', async () => {
    const from = small('leakyRelu', 1);
    const to = small('leakyRelu', 2);
    const saved = await toStateDict(from);
    loadStateDict(to, saved);
    expect(await toStateDict(to)).toEqual(saved);
    const x = tf.ones([1, 8, 8, 3]);
    expect(await to.negativeEnergy(x).data()).toEqual(await from.negativeEnergy(x).data());
  });

  test('tell the net that they belong to', async () => {
    const energy = small();
    const network = convNetworkOf(await toStateDict(energy));
    expect(network).toEqual(energy.network);
    expect(energyOf(network, key(2)).network).toEqual(network);
  });

  test('of a net laid out in another way are refused', () => {
    const { network } = small();
    const layers = network.layers.map((layer) => ({ ...layer, padding: 2 }));
    expect(() => energyOf({ ...network, layers }, key(1))).toThrow(code('INVALID_ARGUMENT'));
    const mlp = mlpEnergy({ dimension: 2, hidden: [3], key: key(1) });
    expect(energyOf(mlp.network, key(1)).network).toEqual(mlp.network);
  });

  test('that lack a tensor, hold another one, or have another shape are refused, and nothing is assigned', async () => {
    const energy = small('leakyRelu', 1);
    const before = await toStateDict(energy);
    const other = await toStateDict(small('leakyRelu', 2));
    const lacking = new Map([...other].filter(([name]) => name !== 'f.2.bias'));
    expect(() => loadStateDict(energy, lacking)).toThrow(code('MISSING_WEIGHTS'));
    const unknown = new Map([...other, ['f.9.bias', { shape: [1], data: new Float32Array(1) }]]);
    expect(() => loadStateDict(energy, unknown)).toThrow(code('MISSING_WEIGHTS'));
    const reshaped = new Map([...other, ['f.2.bias', { shape: [2], data: new Float32Array(2) }]]);
    expect(() => loadStateDict(energy, reshaped)).toThrow(code('INVALID_SHAPE'));
    expect(() => convNetworkOf(new Map())).toThrow(code('MISSING_WEIGHTS'));
    expect(await toStateDict(energy)).toEqual(before);
  });
});
