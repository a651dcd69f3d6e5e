import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { fromChain, key, runChains, shortRun, uniform } from '@srmcmc/core';
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

  test.each([
    ['leakyRelu', { drift: 1, noise: 0.01 }],
    ['relu', { stepSize: 0.05, clampGradient: 0.01, clampSample: [-1, 1] }],
    ['swish', { drift: 1, noise: 0.01 }],
  ] as const)('%s: runChains ends where the loop of single steps does, to 1e-4', (name, options) => {
    const energy = convEnergy({
      imageShape: [32, 32, 3],
      channels: paperChannels(32, 8),
      activation: { name },
      key: key(1),
    });
    const kernel = langevin(options);
    const { fused, ...stepping } = kernel;
    const calls = vi.spyOn(tf.getKernel(fused!.kernelName, 'srmcmc-native'), 'kernelFunc');
    const start = uniform([32, 32, 3]).sample(key(2), 7);
    const results = [kernel, stepping].map((kernel) => {
      const { x, trace } = runChains({ energy, kernel, steps: 20 }, start, key(3));
      return [x, trace.value, trace.gradientNorm];
    });
    expect(calls).toHaveBeenCalledTimes(1);
    calls.mockRestore();
    results[0]!.forEach((actual, i) => {
      const expected = results[1]![i]!;
      const error = tf.max(tf.abs(tf.sub(actual, expected))).dataSync()[0]!;
      expect(error / tf.max(tf.abs(expected)).dataSync()[0]!).toBeLessThan(1e-4);
    });
    tf.dispose([start, ...results.flat()]);
    energy.dispose();
  });

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
