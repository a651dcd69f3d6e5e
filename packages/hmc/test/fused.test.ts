/** All steps of HMC in one call of the native backend, held against the loop of single steps. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Energy, fromChain, key, runChains, runChainsAsync, type Trace, uniform } from '@srmcmc/core';
import { convEnergy, mlpEnergy } from '@srmcmc/energy';
import { hmc, type HmcKernel, type HmcOptions } from '@srmcmc/hmc';
import { nativeStatus, registerNativeBackend, setPrecision, setThreads } from '@srmcmc/native';
import { relativeError } from '../../../tools/goldens/golden.ts';

const available = registerNativeBackend();
const reason = available ? '' : ` (skipped: ${nativeStatus().reason})`;
const imageShape = [16, 16, 3] as const;
const SIZE = 16 * 16 * 3;
const mass = Array.from({ length: SIZE }, (_, i) => 0.5 + (i % 7) / 7);
const everything: HmcOptions = {
  stepSize: (step) => 0.2 / (1 + step / 10),
  leapfrogSteps: 3,
  temperature: 0.5,
  inverseMass: mass,
  jitter: 0.3,
  persistence: 0.6,
};

const network = (name: 'leakyRelu' | 'swish'): Energy =>
  convEnergy({ imageShape, channels: [8, 16], activation: { name }, key: key(1) });
const data = (x: tf.Tensor): Float32Array => x.dataSync() as Float32Array;
const start = (n: number): tf.Tensor => uniform([...imageShape]).sample(key(2), n);

/** The positions and reports of `steps` steps, in one call and one by one. */
function both(energy: Energy, kernel: HmcKernel, x: tf.Tensor, steps: number, noise = true) {
  const { fused, ...stepping } = kernel;
  const calls = vi.spyOn(tf.getKernel(fused!.kernelName, 'srmcmc-native'), 'kernelFunc');
  const snapshots = [1, steps];
  const results = [kernel, stepping].map((each) =>
    runChains({ energy, kernel: each, steps, snapshots }, x, noise ? key(3) : undefined),
  );
  expect(calls).toHaveBeenCalledTimes(1);
  calls.mockRestore();
  return results as [(typeof results)[0], (typeof results)[0]];
}

const reports = ({ snapshots: _positions, ...means }: Trace): Record<string, tf.Tensor> => means;

describe.skipIf(!available)(`hmc on the native backend, in one call${reason}`, () => {
  beforeAll(async () => void (await tf.setBackend('srmcmc-native')));
  afterEach(() => {
    setThreads(nativeStatus().threads!);
    setPrecision('float32');
  });

  test.each<[string, Energy, Partial<HmcOptions>, boolean]>([
    ['unit mass', network('leakyRelu'), {}, true],
    ['everything, on a piecewise-linear net', network('leakyRelu'), everything, true],
    ['everything, on a smooth net', network('swish'), everything, true],
    ['one leapfrog step', network('swish'), { ...everything, leapfrogSteps: 1 }, true],
    ['no key', network('swish'), everything, false],
  ])('without the test, %s: positions and reports of 10 steps are those of the loop, to 1e-4', (...args) => {
    const [, energy, options, noise] = args;
    const kernel = hmc({ stepSize: 0.1, leapfrogSteps: 4, ...options, metropolis: false });
    const [fused, loop] = both(energy, kernel, start(7), 10, noise);
    expect(relativeError(data(fused.x), data(loop.x))).toBeLessThan(1e-4);
    fused.trace.snapshots.forEach((x, i) =>
      expect(relativeError(data(x), data(loop.trace.snapshots[i]!))).toBeLessThan(1e-4),
    );
    expect(Object.keys(reports(fused.trace))).toEqual(['value', 'gradientNorm', 'energyError']);
    expect(Object.keys(reports(loop.trace))).toEqual(Object.keys(reports(fused.trace)));
    for (const name of ['value', 'gradientNorm'] as const)
      expect(relativeError(data(fused.trace[name]), data(loop.trace[name]))).toBeLessThan(1e-4);
    // A difference of energies of the order of the dimension.
    const errors = data(loop.trace.energyError!);
    data(fused.trace.energyError!).forEach((error, i) =>
      expect(Math.abs(error - errors[i]!)).toBeLessThan(1e-5 * SIZE),
    );
  });

  test.each([0, 0.6])('with the test, it takes the decisions of the loop; persistence: %f', (persistence) => {
    const energy = mlpEnergy({ dimension: 12, hidden: [32, 32], activation: { name: 'swish' }, key: key(1) });
    const kernel = hmc({ stepSize: 2.5, leapfrogSteps: 3, temperature: 1e-4, jitter: 0.2, persistence });
    const x = uniform([12]).sample(key(2), 40);
    const [fused, loop] = both(energy, kernel, x, 12);
    expect(Object.keys(reports(fused.trace))).toEqual(['value', 'gradientNorm', 'acceptance', 'energyError']);
    const [ours, theirs] = [data(fused.x), data(loop.x)];
    // A uniform within 1e-5 of an acceptance may part a chain: none or one of 480.
    const parted = Array.from({ length: 40 }, (_, i) => i).filter((i) => {
      const [a, b] = [ours, theirs].map((values) => values.slice(12 * i, 12 * i + 12));
      return !(relativeError(a!, b!) < 1e-4);
    });
    expect(parted.length).toBeLessThanOrEqual(1);
    const acceptance = data(fused.trace.acceptance!);
    const mean = acceptance.reduce((sum, value) => sum + value, 0) / acceptance.length;
    expect(mean).toBeGreaterThan(0.1);
    expect(mean).toBeLessThan(0.95);
    if (parted.length === 0)
      expect(relativeError(acceptance, data(loop.trace.acceptance!))).toBeLessThan(1e-3);
  });

  test.each(['float32', 'bfloat16'] as const)(
    'in %s a chain is the same, bit for bit, in any batch, on any threads and off the thread',
    async (precision) => {
      setPrecision(precision);
      const kernel = hmc({ ...everything, temperature: 0.01 });
      const options = { energy: network('leakyRelu'), kernel, steps: 4 };
      const x = start(19);
      setThreads(1);
      const together = data(runChains(options, x, key(3)).x);
      setThreads(3);
      const off = await runChainsAsync(options, x, key(3));
      expect(data(off.x)).toEqual(together);
      for (const chain of [0, 5, 18]) {
        const alone = runChains(options, tf.slice(x, chain, 1), fromChain(key(3), chain)).x;
        expect(data(alone)).toEqual(together.slice(chain * SIZE, (chain + 1) * SIZE));
      }
    },
  );

  test('in bfloat16 paths are near those of single precision, and not equal to them', () => {
    const kernel = hmc({ stepSize: 0.1, leapfrogSteps: 4, metropolis: false });
    const draw = (): Float32Array =>
      data(runChains({ energy: network('swish'), kernel, steps: 4 }, start(5), key(3)).x);
    const exact = draw();
    setPrecision('bfloat16');
    const error = relativeError(draw(), exact);
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(1e-2);
  });

  test('tells its progress, and is cancelled within a leapfrog step', async () => {
    const energy = network('leakyRelu');
    const x = start(12);
    const fractions: number[] = [];
    const kernel = hmc({ stepSize: 0.01, leapfrogSteps: 100 });
    await runChainsAsync({ energy, kernel, steps: 30 }, x, key(3), { onProgress: (f) => fractions.push(f) });
    expect(fractions.at(-1)).toBe(1);
    expect([...fractions].sort((a, b) => a - b)).toEqual(fractions);
    const endless = hmc({ stepSize: 1e-4, leapfrogSteps: 1_000_000 });
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    const before = tf.memory().numTensors;
    const run = runChainsAsync({ energy, kernel: endless, steps: 2 }, x, key(3), {
      signal: controller.signal,
    });
    await expect(run).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(tf.memory().numTensors).toBe(before);
  });

  test('a mass of another size is refused as by the loop, and a dense one is left to the loop', () => {
    const options = {
      energy: network('swish'),
      kernel: hmc({ ...everything, inverseMass: [1, 2] }),
      steps: 2,
    };
    expect(() => runChains(options, start(2), key(1))).toThrow(
      expect.objectContaining({ code: 'INVALID_SHAPE' }),
    );
    const dense = [
      [1, 0.5],
      [0.5, 1],
    ];
    expect(hmc({ ...everything, inverseMass: dense }).fused).toBeUndefined();
  });
});
