import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, describe, expect, test } from 'vitest';
import { fromChain, key, runChains, uniform } from '@srmcmc/core';
import { kernelConformance } from '@srmcmc/core/testing';
import { convEnergy, paperChannels } from '@srmcmc/energy';
import { hmc } from '@srmcmc/hmc';
import { nativeStatus, registerNativeBackend } from '@srmcmc/native';
import { relativeError } from '../../../tools/goldens/golden.ts';

const available = registerNativeBackend();
const reason = available ? '' : ` (skipped: ${nativeStatus().reason})`;
const kernel = hmc({
  stepSize: 0.2,
  leapfrogSteps: 2,
  jitter: 0.2,
  persistence: 0.5,
  inverseMass: [0.5, 1, 2],
});

describe.skipIf(!available)(`on the native backend${reason}`, () => {
  beforeAll(async () => {
    await tf.setBackend('srmcmc-native');
  });

  for (const { name, run } of kernelConformance(() => kernel)) test(name, run);

  test("chains on the paper's net are those of the cpu backend, and of a batch of one", async () => {
    const energy = convEnergy({ imageShape: [32, 32, 3], channels: paperChannels(32, 4), key: key(1) });
    const start = uniform([32, 32, 3]).sample(key(2), 3);
    const inertial = hmc({ stepSize: 0.1, leapfrogSteps: 3 });
    const draw = (x: tf.Tensor, first = 0) =>
      runChains({ energy, kernel: inertial, steps: 3 }, x, fromChain(key(3), first)).x.data();
    const native = await draw(start);
    const alone = await draw(tf.slice(start, 2, 1), 2);
    expect(relativeError(alone, native.slice(2 * 32 * 32 * 3))).toBeLessThan(1e-5);
    await tf.setBackend('cpu');
    expect(relativeError(await draw(start), native)).toBeLessThan(1e-4);
  });
});
