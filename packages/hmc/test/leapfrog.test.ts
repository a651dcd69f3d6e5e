import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, test } from 'vitest';
import { type Energy, fromFunction, gaussian, type Key, key } from '@srmcmc/core';
import { hmc, type InverseMass } from '@srmcmc/hmc';
import { leapfrog, type PhasePoint } from '../src/leapfrog.ts';
import { massFactor } from '../src/mass.ts';
import { golden, relativeError } from '../../../tools/goldens/golden.ts';

/** −(x₀² + 2 (x₁ − x₀²)² + (x₂ − x₁)²) / 2, the crooked valley of the goldens. */
const valley = fromFunction(
  (x) => {
    const [a, b, c] = tf.unstack(x, 1) as [tf.Tensor, tf.Tensor, tf.Tensor];
    const bend = tf.square(tf.sub(b, tf.square(a)));
    const sum = tf.add(tf.add(tf.square(a), tf.mul(bend, 2)), tf.square(tf.sub(c, b)));
    return tf.mul(sum, -0.5) as tf.Tensor1D;
  },
  [3],
);

const DENSE = [
  [1.5, 0.5, 0.25],
  [0.5, 1, -0.25],
  [0.25, -0.25, 0.75],
];
const MASSES: [string, InverseMass | undefined][] = [
  ['unit', undefined],
  ['diagonal', [0.5, 1, 2]],
  ['dense', DENSE],
];

const point = (energy: Energy, x: tf.Tensor, momentum: tf.Tensor): PhasePoint => ({
  x,
  momentum,
  ...energy.valueAndGrad(x),
});

/** H = −f + |r|²/2 of each chain. */
const hamiltonian = ({ value, momentum }: PhasePoint): number[] =>
  tf.sub(tf.mul(tf.sum(tf.square(momentum), 1), 0.5), value).arraySync() as number[];

describe('BlackJAX, from the same momenta', () => {
  const expected = golden(import.meta.url, 'trajectories');
  const tensor = (name: string): tf.Tensor => {
    const { data, shape } = expected.get(name)!;
    return tf.tensor(data, [...shape]);
  };
  const start = tensor('start');

  test.each(MASSES)(
    'follows the same trajectory with a %s mass, to 1e-6 at each of 12 steps',
    async (name, mass) => {
      const [x, momentum] = [tensor(`${name}.x`), tensor(`${name}.momentum`)];
      for (let steps = 1; steps <= 12; steps++) {
        const options = { stepSize: 0.125, steps, factor: massFactor(mass)([3]) };
        const end = leapfrog(valley, point(valley, start, tensor('momentum')), options);
        const at = async (all: tf.Tensor) => tf.slice(all, [0, steps, 0], [4, 1, 3]).data();
        expect(relativeError(await end.x.data(), await at(x)), `x ${steps}`).toBeLessThan(1e-6);
        expect(relativeError(await end.momentum.data(), await at(momentum)), `r ${steps}`).toBeLessThan(1e-6);
      }
    },
  );

  test.each([
    ...MASSES.map(
      ([name, inverseMass]) => [name, { stepSize: 0.125, leapfrogSteps: 12 }, inverseMass] as const,
    ),
    ['coarse', { stepSize: 0.75, leapfrogSteps: 3 }, undefined] as const,
  ])(
    'has the acceptance, the Hamiltonian and the divergences of a step of the kernel: %s',
    async (name, path, mass) => {
      const kernel = hmc({ ...path, ...(mass === undefined ? {} : { inverseMass: mass }) });
      const noise: Key = { words: [0x12345678, 0x9abcdef0], firstChain: 0 };
      const { state, info } = kernel.step(valley, kernel.init(valley, start), noise);
      const values = (key: string): Float32Array => expected.get(`${name}.${key}`)!.data;
      const acceptance = await info.acceptance!.data();
      values('acceptance').forEach((value, i) => expect(Math.abs(acceptance[i]! - value)).toBeLessThan(3e-6));
      expect(relativeError(await info.hamiltonian.data(), values('hamiltonian'))).toBeLessThan(1e-6);
      expect([...(await info.divergent.data())]).toEqual([...values('divergent')]);
      // A chain ends where its trajectory does, or where it began.
      const [x, trajectory] = [
        state.x.arraySync() as number[][],
        tensor(`${name}.x`).arraySync() as number[][][],
      ];
      x.forEach((row, i) => {
        const ends = [trajectory[i]!.at(-1)!, trajectory[i]![0]!];
        expect(Math.min(...ends.map((end) => relativeError(row, end)))).toBeLessThan(2e-6);
        if (values('acceptance')[i]! < 1e-6) expect(relativeError(row, ends[1]!)).toBe(0);
        if (values('acceptance')[i] === 1) expect(relativeError(row, ends[0]!)).toBeLessThan(2e-6);
      });
    },
  );
});

describe.each(MASSES)('with a %s mass, leapfrog', (_name, mass) => {
  const factor = massFactor(mass)([3]);
  const x = gaussian([3]).sample(key(1), 50);
  const momentum = gaussian([3]).sample(key(2), 50);

  test('is undone by reversing the momentum', async () => {
    const options = { stepSize: 0.05, steps: 20, factor };
    const end = leapfrog(valley, point(valley, x, momentum), options);
    expect(relativeError(await end.x.data(), await x.data())).toBeGreaterThan(0.1);
    const back = leapfrog(valley, { ...end, momentum: tf.neg(end.momentum) }, options);
    expect(relativeError(await back.x.data(), await x.data())).toBeLessThan(1e-5);
    expect(relativeError(await back.momentum.data(), await tf.neg(momentum).data())).toBeLessThan(1e-5);
  });

  test('is of second order: half the step size, a quarter of the energy error', () => {
    const errorWith = (steps: number): number => {
      const options = { stepSize: 1 / steps, steps, factor };
      const start = point(valley, tf.mul(x, 0.5), momentum);
      const before = hamiltonian(start);
      const errors = hamiltonian(leapfrog(valley, start, options)).map((after, i) =>
        Math.abs(after - before[i]!),
      );
      return errors.reduce((sum, error) => sum + error, 0);
    };
    const [coarse, middle, fine] = [errorWith(20), errorWith(40), errorWith(80)];
    for (const ratio of [coarse / middle, middle / fine]) expect(Math.abs(ratio - 4)).toBeLessThan(0.3);
  });

  test('keeps volumes in phase space: the determinant of its derivative is 1', () => {
    const at = [0.3, -0.2, 0.5, 0.7, -0.4, 0.1];
    const shift = 0.01;
    // Central differences of all six coordinates at once: one chain for each displaced point.
    const displaced = at.flatMap((_, j) =>
      [shift, -shift].map((by) => at.map((v, i) => v + (i === j ? by : 0))),
    );
    const both = tf.tensor2d(displaced);
    const [from, r] = [tf.slice(both, [0, 0], [-1, 3]), tf.slice(both, [0, 3], [-1, 3])];
    const end = leapfrog(valley, point(valley, from, r), { stepSize: 0.2, steps: 5, factor });
    const rows = tf.concat([end.x, end.momentum], 1).arraySync() as number[][];
    const jacobian = at.map((_, j) =>
      rows[2 * j]!.map((value, i) => (value - rows[2 * j + 1]![i]!) / (2 * shift)),
    );
    expect(Math.abs(determinant(jacobian) - 1)).toBeLessThan(0.01);
  });
});

function determinant(matrix: number[][]): number {
  const rows = matrix.map((row) => [...row]);
  let product = 1;
  for (let i = 0; i < rows.length; i++) {
    const pivot = rows
      .slice(i)
      .reduce((best, row, k) => (Math.abs(row[i]!) > Math.abs(rows[best]![i]!) ? i + k : best), i);
    if (pivot !== i) {
      [rows[i], rows[pivot]] = [rows[pivot]!, rows[i]!];
      product = -product;
    }
    product *= rows[i]![i]!;
    for (const row of rows.slice(i + 1)) {
      const factor = row[i]! / rows[i]![i]!;
      row.forEach((_, j) => (row[j]! -= factor * rows[i]![j]!));
    }
  }
  return product;
}
