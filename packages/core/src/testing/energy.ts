/** What every Energy must do. */
import * as tf from '@tensorflow/tfjs-core';
import { elements, normal } from '../draws.ts';
import type { Energy } from '../energy.ts';
import { key } from '../key.ts';
import {
  check,
  checkClose,
  checkNoLeak,
  checkRefuses,
  checkShape,
  type ConformanceCase,
  valuesOf,
} from './conformance.ts';

export interface EnergyConformanceOptions {
  /** Relative error allowed between a gradient and a central difference in single precision. */
  readonly tolerance?: number;
}

/** Cases for an energy; `make` gives a fresh one for each. */
export function energyConformance(
  make: () => Energy,
  options: EnergyConformanceOptions = {},
): ConformanceCase[] {
  const { tolerance = 0.02 } = options;
  const points = (energy: Energy, n: number, seed = 7): tf.Tensor =>
    normal(key(seed), [n, ...energy.eventShape]);

  const cases: Record<string, (energy: Energy) => Promise<void> | void> = {
    'valueAndGrad gives [n] and [n, ...event], and the value of negativeEnergy': async (energy) => {
      const x = points(energy, 3);
      const { value, grad } = energy.valueAndGrad(x);
      const direct = energy.negativeEnergy(x);
      checkShape(value, [3], 'value');
      checkShape(grad, x.shape, 'grad');
      checkShape(direct, [3], 'negativeEnergy(x)');
      const values = await valuesOf(value);
      check(values.every(Number.isFinite), `value is not finite: ${values.join()}`);
      checkClose(values, await valuesOf(direct), 1e-5, 'value against negativeEnergy');
    },
    'the gradient agrees with central differences along random directions': async (energy) => {
      const x = points(energy, 4);
      const { grad } = energy.valueAndGrad(x);
      for (const seed of [11, 12, 13]) {
        const direction = unitRows(points(energy, 4, seed));
        const slope = await valuesOf(rowSums(tf.mul(grad, direction)));
        const numeric = await centralDifference((h) =>
          energy.negativeEnergy(tf.add(x, tf.mul(direction, h))),
        );
        const scale = await valuesOf(tf.norm(tf.reshape(grad, [4, -1]), 'euclidean', 1));
        slope.forEach((value, i) => {
          const error = Math.abs(value - numeric[i]!);
          const bound = tolerance * Math.max(scale[i]!, 1e-3);
          check(
            error <= bound,
            `slope ${value} of chain ${i}, but differences give ${numeric[i]} (bound ${bound})`,
          );
        });
      }
    },
    'chains do not see each other': async (energy) => {
      const x = points(energy, 3);
      const all = energy.valueAndGrad(x);
      const alone = energy.valueAndGrad(tf.slice(x, 1, 1));
      checkClose(
        await valuesOf(alone.value),
        (await valuesOf(all.value)).slice(1, 2),
        1e-5,
        'value of chain 1 alone',
      );
      const size = elements(energy.eventShape);
      const row = (await valuesOf(all.grad)).slice(size, 2 * size);
      checkClose(await valuesOf(alone.grad), row, 1e-5, 'gradient of chain 1 alone');
    },
    'parameterGrads agrees with central differences in the parameters': async (energy) => {
      const names = Object.keys(energy.variables);
      const x = points(energy, 3);
      const weights = tf.tensor1d([0.5, -1, 0.25]);
      const { value, gradients } = energy.parameterGrads(x, weights);
      checkShape(value, [3], 'value');
      check(
        Object.keys(gradients).sort().join() === [...names].sort().join(),
        'gradients are not named as variables',
      );
      for (const name of names) {
        const variable = energy.variables[name]!;
        checkShape(gradients[name]!, variable.shape, `gradient of ${name}`);
        const original = variable.clone();
        const direction = tf.reshape(unitRows(normal(key(21), [1, ...variable.shape])), variable.shape);
        const slope = (await valuesOf(tf.sum(tf.mul(gradients[name]!, direction))))[0]!;
        const [numeric] = await centralDifference((h) => {
          variable.assign(tf.add(original, tf.mul(direction, h)));
          return tf.reshape(tf.sum(tf.mul(energy.negativeEnergy(x), weights)), [1]);
        });
        variable.assign(original);
        const scale = Math.max((await valuesOf(tf.norm(gradients[name]!)))[0]!, 1e-3);
        check(
          Math.abs(slope - numeric!) <= tolerance * scale,
          `slope ${slope} in ${name}, but differences give ${numeric} (scale ${scale})`,
        );
      }
    },
    'hessianVectorProduct, where there is one, agrees with central differences of the gradient': async (
      energy,
    ) => {
      if (energy.hessianVectorProduct === undefined) return;
      const x = points(energy, 3);
      const v = unitRows(points(energy, 3, 14));
      const product = energy.hessianVectorProduct(x, v);
      checkShape(product, x.shape, 'hessianVectorProduct');
      const found = await valuesOf(product);
      if (isPiecewiseLinear(energy))
        return checkClose(found, new Float32Array(found.length), 0, 'a zero Hessian');
      const numeric = await centralDifference((h) => energy.valueAndGrad(tf.add(x, tf.mul(v, h))).grad, 1e-2);
      // As a whole: where the second derivative itself jumps, differences of single elements are off.
      const norm = (values: ArrayLike<number>): number => Math.hypot(...Array.from(values));
      const error = norm(found.map((value, i) => value - numeric[i]!));
      const bound = 2 * tolerance * Math.max(norm(numeric), 1e-3);
      check(error <= bound, `H v is off by ${error} from differences of the gradient (bound ${bound})`);
    },
    'no tensor leaks, and inputs stay usable': async (energy) => {
      const x = points(energy, 2);
      const weights = tf.tensor1d([1, -1]);
      checkNoLeak(() => [energy.negativeEnergy(x)], 'negativeEnergy');
      checkNoLeak(() => Object.values(energy.valueAndGrad(x)), 'valueAndGrad');
      checkNoLeak(() => {
        const { value, gradients } = energy.parameterGrads(x, weights);
        return [value, ...Object.values(gradients)];
      }, 'parameterGrads');
      if (energy.hessianVectorProduct !== undefined) {
        checkNoLeak(() => [energy.hessianVectorProduct!(x, x)], 'hessianVectorProduct');
      }
      check(!x.isDisposed && !weights.isDisposed, 'an input was disposed');
    },
    'events of another shape are refused': async (energy) => {
      const wrong = tf.zeros([2, ...energy.eventShape.map((size) => size + 1)]);
      await checkRefuses(() => energy.valueAndGrad(wrong), 'INVALID_SHAPE', 'x of another shape');
      wrong.dispose();
    },
  };
  return Object.entries(cases).map(([name, body]) => ({ name, run: async () => body(make()) }));
}

function isPiecewiseLinear({ network }: Energy): boolean {
  return network !== undefined && ['leakyRelu', 'relu'].includes(network.activation.name);
}

/** (f(h) − f(−h)) / 2h, with a step that balances truncation against rounding in single precision. */
async function centralDifference(f: (h: number) => tf.Tensor, h = 2e-3): Promise<Float32Array> {
  const difference = tf.tidy(() => tf.div(tf.sub(f(h), f(-h)), 2 * h));
  const values = await valuesOf(difference);
  difference.dispose();
  return values;
}

function unitRows(x: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const norms = tf.norm(tf.reshape(x, [x.shape[0]!, -1]), 'euclidean', 1);
    return tf.div(x, tf.reshape(norms, [x.shape[0]!, ...x.shape.slice(1).map(() => 1)]));
  });
}

function rowSums(x: tf.Tensor): tf.Tensor {
  return tf.sum(tf.reshape(x, [x.shape[0]!, -1]), 1);
}
