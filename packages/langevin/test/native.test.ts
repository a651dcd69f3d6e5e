import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { fromChain, key, shortRun, uniform } from '@srmcmc/core';
import { convEnergy, paperChannels } from '@srmcmc/energy';
import { langevin } from '@srmcmc/langevin';
import { nativeStatus, registerNativeBackend, setThreads } from '@srmcmc/native';

const available = registerNativeBackend();
const reason = available ? '' : ` (skipped: ${nativeStatus().reason})`;

describe.skipIf(!available)(`on the native backend${reason}`, () => {
  beforeAll(async () => {
    await tf.setBackend('srmcmc-native');
  });

  const model = () =>
    shortRun({
      energy: convEnergy({ imageShape: [32, 32, 3], channels: paperChannels(32, 8), key: key(1) }),
      kernel: langevin({ drift: 1, noise: 0.01 }),
      steps: 10,
      initial: uniform([32, 32, 3]),
    });
  const draw = async (count: number, first = 0): Promise<Float32Array> => {
    const generator = model();
    const z = generator.prior(fromChain(key(2), first), count);
    return Float32Array.from(await generator.generate(z, fromChain(key(3), first)).data());
  };
  const size = 32 * 32 * 3;

  test.each([0, 5, 17, 18])('chain %i of 19 is the same, bit for bit, alone', async (chain) => {
    expect(await draw(1, chain)).toEqual((await draw(19)).slice(chain * size, (chain + 1) * size));
  });

  test('chains are the same, bit for bit, on one thread and on two', async () => {
    setThreads(1);
    const one = await draw(7);
    setThreads(2);
    expect(await draw(7)).toEqual(one);
  });
});
