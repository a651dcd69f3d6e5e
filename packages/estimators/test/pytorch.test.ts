import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { expect, test } from 'vitest';
import { key } from '@srmcmc/core';
import { convNetworkOf, energyOf, loadStateDict, toStateDict } from '@srmcmc/energy';
import { selectBackend } from '@srmcmc/backends';
import { adam, momentMatching } from '@srmcmc/estimators';
import { type Golden, golden, relativeError, under } from '../../../tools/goldens/golden.ts';

const tensorOf = ({ data, shape }: Golden): tf.Tensor => tf.tensor(data, [...shape]);

test('three updates of Algorithm 1 agree with PyTorch: gradients to 1e-5, parameters to 1e-5', async () => {
  const expected = golden(import.meta.url, 'algorithm-1');
  const weights = new Map([...expected].filter(([name]) => name.startsWith('f.')));
  const energy = energyOf(convNetworkOf(weights), key(0));
  loadStateDict(energy, weights);
  const optimizer = adam({ learningRate: 1e-4 });
  let state = optimizer.init(energy.variables);
  for (const update of [1, 2, 3]) {
    const batch = under(expected, `${update}.`);
    const { gradients } = await momentMatching.estimate(
      energy,
      tensorOf(batch.get('positive')!),
      tensorOf(batch.get('negative')!),
    );
    for (const [name, { data }] of await toStateDict({ variables: gradients })) {
      expect(relativeError(data, batch.get(`grad.${name}`)!.data), `gradient of ${name}`).toBeLessThan(1e-5);
    }
    state = optimizer.update(energy.variables, gradients, state);
    for (const [name, { data }] of await toStateDict(energy)) {
      expect(relativeError(data, batch.get(`after.${name}`)!.data), name).toBeLessThan(1e-5);
    }
  }
});

// By the composed operations, and by the one kernel where the native backend is to be had.
test.each(['cpu', 'auto'] as const)(
  '%s: ten steps of Adam with a changing rate agree with torch.optim.Adam, moments included',
  async (backend) => {
    await selectBackend(backend);
    const expected = golden(import.meta.url, 'adam');
    const row = (name: string, i: number): Float32Array => expected.get(name)!.data.slice(8 * i, 8 * i + 8);
    const rates = expected.get('rates')!.data;
    const optimizer = adam({ learningRate: (step) => rates[step]! });
    const variables = { w: tf.variable(tensorOf(expected.get('start')!)) };
    let state = optimizer.init(variables);
    for (let i = 0; i < 10; i++) {
      state = optimizer.update(variables, { w: tf.tensor1d(row('gradients', i)) }, state);
      expect(relativeError(await variables.w.data(), row('parameters', i))).toBeLessThan(1e-6);
      expect(relativeError(await state.moments['w.first']!.data(), row('m', i))).toBeLessThan(1e-6);
      expect(relativeError(await state.moments['w.second']!.data(), row('v', i))).toBeLessThan(1e-6);
    }
  },
);
