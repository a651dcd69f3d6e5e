import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import {
  type DifferentiableGenerator,
  DivergedError,
  gaussian,
  InvalidArgumentError,
  InvalidShapeError,
  key,
  normals,
  pullbackByTape,
} from '@srmcmc/core';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  absoluteError,
  adam,
  type DescentMethod,
  gradientDescent,
  lbfgs,
  masked,
  reconstruct,
  squaredError,
} from '../src/index.ts';

const [LATENT, EVENT] = [3, 5];

/** The generator x = g(z A), by the tape. */
function model(activation: (x: tf.Tensor) => tf.Tensor, weights: tf.Tensor): DifferentiableGenerator {
  const generate = (z: tf.Tensor): tf.Tensor =>
    activation(tf.matMul(z as tf.Tensor2D, weights as tf.Tensor2D));
  const [latent, event] = weights.shape as [number, number];
  return {
    latentShape: [latent],
    eventShape: [event],
    prior: (drawKey, n) => gaussian([latent]).sample(drawKey, n),
    generate: (z) => tf.tidy(() => generate(z)),
    pullback: (z) => pullbackByTape(generate, z),
  };
}

let linear: DifferentiableGenerator;
let curved: DifferentiableGenerator;
beforeEach(() => {
  const weights = tf.tensor2d(normals(key(100), LATENT, EVENT), [LATENT, EVENT]);
  linear = model((x) => x, weights);
  curved = model(tf.tanh, weights);
});

const observations = (n: number): tf.Tensor => gaussian([EVENT]).sample(key(5), n);
const rows = (x: tf.Tensor): number[][] => x.arraySync() as number[][];

/** min over z of ‖x − z A‖² by the normal equations, in double precision. */
function leastSquares(a: number[][], x: number[]): { z: number[]; loss: number } {
  const gram = a.map((row) => a.map((other) => row.reduce((sum, value, i) => sum + value * other[i]!, 0)));
  const right = a.map((row) => row.reduce((sum, value, i) => sum + value * x[i]!, 0));
  const n = a.length;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      if (i === j) continue;
      const factor = gram[j]![i]! / gram[i]![i]!;
      for (let k = 0; k < n; k++) gram[j]![k]! -= factor * gram[i]![k]!;
      right[j]! -= factor * right[i]!;
    }
  }
  const z = right.map((value, i) => value / gram[i]![i]!);
  const loss = x.reduce(
    (sum, value, i) => sum + (value - z.reduce((s, zj, j) => s + zj * a[j]![i]!, 0)) ** 2,
    0,
  );
  return { z, loss };
}

const methods: [string, DescentMethod, number][] = [
  ['gradient descent', gradientDescent({ rate: 0.03 }) as unknown as DescentMethod, 600],
  ['momentum', gradientDescent({ rate: 0.02, momentum: 0.8 }) as unknown as DescentMethod, 300],
  ['Adam', adam({ rate: (step) => 0.1 / (1 + step / 50) }) as unknown as DescentMethod, 600],
  ['L-BFGS', lbfgs() as unknown as DescentMethod, 25],
];

describe.each(methods)('%s', (_name, method, iterations) => {
  test('finds the least squares of a linear generator, for every row', async () => {
    const x = observations(4);
    const found = await reconstruct(linear, x, { key: key(1), method, iterations });
    const a = rows(linear.generate(tf.eye(LATENT)));
    rows(x).forEach((row, i) => {
      const exact = leastSquares(a, row);
      expect(found.loss[i]).toBeCloseTo(exact.loss, 3);
      rows(found.z)[i]!.forEach((value, j) => expect(value).toBeCloseTo(exact.z[j]!, 1));
      expect(found.meanSquaredError[i]! * EVENT).toBeCloseTo(found.loss[i]!, 4);
    });
    expect(found.history).toHaveLength(iterations + 1);
  });

  test('reconstructs what a curved generator made', async () => {
    const truth = curved.generate(curved.prior(key(9), 3));
    const found = await reconstruct(curved, truth, { key: key(2), method, iterations, restarts: 3 });
    for (const error of found.meanSquaredError) expect(error).toBeLessThan(0.02);
  });

  test('keeps no tensor but its result, when it ends and when it is aborted', async () => {
    const x = observations(2);
    const before = tf.memory().numTensors;
    const { z, x: sample } = await reconstruct(curved, x, {
      key: key(1),
      method,
      iterations: 3,
      restarts: 2,
    });
    expect(tf.memory().numTensors).toBe(before + 2);
    tf.dispose([z, sample]);
    const control = new AbortController();
    const running = reconstruct(curved, x, {
      key: key(1),
      method,
      iterations: 100,
      restarts: 2,
      signal: control.signal,
      onProgress: ({ restart, iteration }) => {
        if (restart === 1 && iteration === 2) control.abort(new Error('enough'));
      },
    });
    await expect(running).rejects.toThrow('enough');
    expect(tf.memory().numTensors).toBe(before);
  });
});

test('L-BFGS never lets a loss rise, and beats gradient descent of the same length', async () => {
  const truth = curved.generate(curved.prior(key(9), 8));
  const newton = await reconstruct(curved, truth, { key: key(2), method: lbfgs(), iterations: 30 });
  for (let i = 1; i < newton.history.length; i++) {
    newton.history[i]!.forEach((loss, row) => expect(loss).toBeLessThanOrEqual(newton.history[i - 1]![row]!));
  }
  const plain = await reconstruct(curved, truth, {
    key: key(2),
    method: gradientDescent({ rate: 0.03 }),
    iterations: 30,
  });
  const sum = (losses: readonly number[]): number => losses.reduce((a, b) => a + b, 0);
  expect(sum(newton.loss)).toBeLessThan(0.5 * sum(plain.loss));
});

test('L-BFGS makes each row the step it would make alone', async () => {
  const x = observations(3);
  const n = x.shape[0]!;
  const start = gaussian([LATENT]).sample(key(4), n) as tf.Tensor2D;
  const objective = (target: tf.Tensor) => ({
    evaluate: (z: tf.Tensor2D) =>
      tf.tidy(() => {
        const { x: sample, vjp } = curved.pullback(z);
        const { value, grad } = squaredError()(sample, target);
        return { value, grad: vjp(grad) as tf.Tensor2D };
      }),
    valueAt: (z: tf.Tensor2D) => tf.tidy(() => squaredError()(curved.generate(z), target).value),
  });
  const run = async (target: tf.Tensor, z: tf.Tensor2D): Promise<number[][]> => {
    const method = lbfgs({ memory: 3 });
    let state = method.init(objective(target), z);
    for (let i = 0; i < 8; i++) state = await method.step(objective(target), state);
    return rows(state.z);
  };
  const together = await run(x, start);
  for (let i = 0; i < n; i++) {
    const [alone] = await run(tf.slice(x, i, 1), tf.slice(start, i, 1));
    together[i]!.forEach((value, j) => expect(value).toBeCloseTo(alone![j]!, 4));
  }
});

test('more restarts never end with a larger loss', async () => {
  const truth = curved.generate(curved.prior(key(9), 6));
  const options = { key: key(6), method: lbfgs(), iterations: 10 };
  const some = await reconstruct(curved, truth, { ...options, restarts: 2 });
  const more = await reconstruct(curved, truth, { ...options, restarts: 5 });
  // The first descents of both start from the same latents.
  more.loss.forEach((loss, row) => expect(loss).toBeLessThanOrEqual(some.loss[row]! + 1e-6));
});

test('inpainting uses what the mask shows and nothing else', async () => {
  const truth = linear.generate(linear.prior(key(9), 2));
  const mask = tf.tensor1d([1, 1, 1, 0, 0]);
  const holes = tf.add(tf.mul(truth, mask), tf.mul(tf.sub(1, mask), 1e3));
  const found = await reconstruct(linear, holes, {
    key: key(2),
    method: lbfgs(),
    iterations: 40,
    likelihood: masked(mask),
  });
  // Three known elements determine three latents, and so the hidden elements.
  rows(found.x).forEach((row, i) =>
    row.forEach((value, j) => expect(value).toBeCloseTo(rows(truth)[i]![j]!, 2)),
  );
});

test('the absolute error is not led astray by an outlier', async () => {
  const truth = linear.generate(linear.prior(key(9), 1));
  const spoilt = tf.add(truth, tf.tensor1d([0, 0, 0, 0, 20]));
  const errorWith = async (likelihood = squaredError()): Promise<number> => {
    const { x } = await reconstruct(linear, spoilt, {
      key: key(2),
      method: lbfgs(),
      iterations: 60,
      likelihood,
    });
    return (tf.mean(tf.square(tf.sub(x, truth))) as tf.Scalar).arraySync();
  };
  expect(await errorWith(absoluteError())).toBeLessThan(0.01 * (await errorWith()));
});

test.each([
  ['squared', squaredError()],
  ['absolute', absoluteError({ scale: 0.1 })],
])('the gradient of the %s error is that of finite differences', (_name, likelihood) => {
  const x = tf.tensor2d([[0.3, -0.7, 1.2]]);
  const observed = tf.tensor2d([[0.1, 0.2, 1.1]]);
  const { grad } = likelihood(x, observed);
  const h = 1e-2;
  for (let j = 0; j < 3; j++) {
    const shift = tf.oneHot(tf.tensor1d([j], 'int32'), 3);
    const at = (sign: number): number =>
      likelihood(tf.add(x, tf.mul(tf.cast(shift, 'float32'), sign * h)), observed).value.arraySync()[0]!;
    expect(rows(grad)[0]![j]).toBeCloseTo((at(1) - at(-1)) / (2 * h), 2);
  }
});

test('bad input is refused by name', async () => {
  const x = observations(2);
  await expect(reconstruct(linear, tf.zeros([2, 4]), { key: key(1) })).rejects.toThrow(InvalidShapeError);
  await expect(reconstruct(linear, tf.fill([2, EVENT], NaN), { key: key(1) })).rejects.toThrow(DivergedError);
  await expect(reconstruct(linear, x, { key: key(1), restarts: 0 })).rejects.toThrow(/^restarts/);
  const mask = tf.ones([4]);
  await expect(reconstruct(linear, x, { key: key(1), likelihood: masked(mask) })).rejects.toThrow(/^mask/);
  expect(() => gradientDescent({ rate: -1 })).toThrow(InvalidArgumentError);
  expect(() => gradientDescent({ momentum: 1 })).toThrow(/^momentum/);
  expect(() => adam({ beta1: 1 })).toThrow(/^beta1/);
  expect(() => lbfgs({ memory: 0 })).toThrow(/^memory/);
  expect(() => absoluteError({ scale: 0 })).toThrow(/^scale/);
});
