import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { BACKEND_NAME } from '../src/index.ts';
import { array, expectAgreement, inputOf, integer, on, random } from './setup.ts';

/** Lengths below, at and beyond a vector and a thread's share. */
const LENGTHS = [1, 5, 8, 31, 1000, 70_001];

/** Against Math in double precision: two units in the last place, or of 1 for functions of order 1. */
const UNARY: Record<
  string,
  { f: (x: tf.Tensor) => tf.Tensor; exact: (x: number) => number; positive?: true }
> = {
  exp: { f: tf.exp, exact: Math.exp },
  log: { f: tf.log, exact: Math.log, positive: true },
  sqrt: { f: tf.sqrt, exact: Math.sqrt, positive: true },
  rsqrt: { f: tf.rsqrt, exact: (x) => 1 / Math.sqrt(x), positive: true },
  tanh: { f: tf.tanh, exact: Math.tanh },
  sigmoid: { f: tf.sigmoid, exact: (x) => 1 / (1 + Math.exp(-x)) },
  softplus: { f: tf.softplus, exact: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))) },
  elu: { f: tf.elu, exact: (x) => (x >= 0 ? x : Math.expm1(x)) },
  leakyRelu: { f: (x) => tf.leakyRelu(x, 0.2), exact: (x) => (x >= 0 ? x : Math.fround(0.2) * x) },
};

describe('functions of one tensor', () => {
  test.each(Object.entries(UNARY))(
    '%s is right to a few units in the last place',
    (_, { f, exact, positive }) => {
      const next = random(7);
      for (const length of LENGTHS) {
        for (const range of [0.01, 1, 20]) {
          const x = array(next, length, positive ? 1e-6 : -range, range);
          const { values } = on(BACKEND_NAME, [{ values: x, shape: [length] }], f);
          const errors = values.map((value, i) => Math.abs(value / exact(x[i]!) - 1));
          expect(errors.reduce((worst, error) => Math.max(worst, error), 0)).toBeLessThan(4e-7);
        }
      }
    },
  );

  test('limits, infinities and NaN come out as in JavaScript', () => {
    const x = Float32Array.of(0, -0, Infinity, -Infinity, NaN, 1e-40, -1e-40, 3e38, -3e38, 88.8, -104, 1, -1);
    const same = (f: (x: tf.Tensor) => tf.Tensor, exact: (x: number) => number): void => {
      const { values } = on(BACKEND_NAME, [{ values: x, shape: [x.length] }], f);
      values.forEach((value, i) => {
        const expected = Math.fround(exact(x[i]!));
        const close =
          Object.is(value, expected) || Math.abs(value - expected) <= 1e-6 * Math.abs(expected) + 1e-44;
        expect(close || value === expected, `f(${x[i]}) = ${value}, not ${expected}`).toBe(true);
      });
    };
    same(tf.exp, Math.exp);
    same(tf.log, Math.log);
    same(tf.tanh, Math.tanh);
    same(tf.sigmoid, (v) => 1 / (1 + Math.exp(-v)));
    same(tf.softplus, (v) => (v === Infinity ? v : Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v)))));
    same(tf.relu, (v) => (v < 0 ? 0 : v));
    same(tf.elu, (v) => (v >= 0 ? v : Math.expm1(v)));
  });
});

describe('functions of two tensors', () => {
  const ops = {
    add: tf.add,
    sub: tf.sub,
    mul: tf.mul,
    div: tf.div,
    maximum: tf.maximum,
    minimum: tf.minimum,
    squaredDifference: tf.squaredDifference,
    greater: tf.greater,
    greaterEqual: tf.greaterEqual,
    less: tf.less,
    lessEqual: tf.lessEqual,
    equal: tf.equal,
    notEqual: tf.notEqual,
  };
  test.each(Object.entries(ops))('%s broadcasts any shapes as the cpu backend does', (name, f) => {
    const next = random(8);
    for (let i = 0; i < 25; i++) {
      const full = Array.from({ length: integer(next, 0, 5) }, () => integer(next, 1, 6));
      const part = (): number[] =>
        full.slice(integer(next, 0, full.length)).map((size) => (next() < 0.4 ? 1 : size));
      const shapes = next() < 0.5 ? [full, part()] : [part(), full];
      // Whole numbers make ties, which the comparisons must tell apart.
      const inputs = shapes
        .map((shape) => inputOf(next, shape, 1, 4))
        .map(({ values, shape }) => ({
          values: name.includes('qual') ? values.map(Math.floor) : values,
          shape,
        }));
      expectAgreement(
        inputs,
        (a, b) => tf.cast(f(a!, b!), 'float32'),
        `${name} ${JSON.stringify(shapes)}`,
        2e-7,
      );
    }
    for (const shapes of [
      [[20_000], [20_000]],
      [[700, 33], [33]],
      [[3], [9001, 3]],
      [
        [64, 1, 1, 1],
        [64, 5, 5, 3],
      ],
      [[40_000], []],
    ])
      expectAgreement(
        shapes.map((shape) => inputOf(next, shape, 1, 2)),
        (a, b) => tf.cast(f(a!, b!), 'float32'),
        `${name} ${JSON.stringify(shapes)}`,
        2e-7,
      );
  });

  test('LeakyReluGrad is dy where y > 0 and alpha dy elsewhere', () => {
    const next = random(9);
    tf.setBackend(BACKEND_NAME);
    const dy = array(next, 10_001);
    const y = array(next, 10_001);
    y[3] = 0;
    tf.tidy(() => {
      const inputs = { dy: tf.tensor1d(dy), y: tf.tensor1d(y) };
      const dx = (tf.engine().runKernel('LeakyReluGrad', inputs, { alpha: 0.2 }) as tf.Tensor).dataSync();
      dx.forEach((value, i) =>
        expect(value).toBe(Math.fround(y[i]! > 0 ? dy[i]! : Math.fround(0.2) * dy[i]!)),
      );
    });
  });

  test('LeakyReluGrad refuses shapes that differ', () => {
    tf.setBackend(BACKEND_NAME);
    const inputs = { dy: tf.zeros([2]), y: tf.zeros([3]) };
    expect(() => tf.engine().runKernel('LeakyReluGrad', inputs, { alpha: 0.2 })).toThrow(/matching shapes/);
    tf.dispose(inputs);
  });
});

describe('AdamUpdate', () => {
  const attrs = { beta1: 0.9, beta2: 0.999, stepSize: 0.01, secondCorrection: 0.7, epsilon: 1e-8 };
  const inputsOf = (size: number): Record<'variable' | 'gradient' | 'first' | 'second', tf.Tensor> => {
    const next = random(11);
    const [variable, gradient, first, second] = Array.from({ length: 4 }, () =>
      tf.tensor1d(array(next, size)),
    );
    return { variable: variable!, gradient: gradient!, first: first!, second: tf.abs(second!) };
  };

  test('makes the averages and moves the variable by their ratio', () => {
    tf.setBackend(BACKEND_NAME);
    const inputs = inputsOf(40_003);
    const [w, g, m, v] = Object.values(inputs).map((tensor) => tensor.dataSync());
    const next = tf.engine().runKernel('AdamUpdate', inputs, attrs) as tf.Tensor[];
    const [variable, first, second] = next.map((tensor) => tensor.dataSync());
    for (let i = 0; i < w!.length; i++) {
      const one = 0.9 * m![i]! + 0.1 * g![i]!;
      const two = 0.999 * v![i]! + 0.001 * g![i]! ** 2;
      expect(first![i]).toBeCloseTo(one, 6);
      expect(second![i]).toBeCloseTo(two, 6);
      expect(variable![i]).toBeCloseTo(w![i]! - (0.01 * one) / (Math.sqrt(two) / 0.7 + 1e-8), 5);
    }
    tf.dispose([inputs, next] as never);
  });

  test("writes over tensors that it made, but over nothing that somebody else's tensor or array shows", () => {
    tf.setBackend(BACKEND_NAME);
    const given = inputsOf(40_003);
    const before = given.variable.dataSync().slice();
    const update = ([variable, first, second]: tf.Tensor[]): tf.Tensor[] =>
      tf
        .engine()
        .runKernel(
          'AdamUpdate',
          { variable: variable!, gradient: given.gradient, first: first!, second: second! },
          attrs,
        ) as tf.Tensor[];
    const dataIds = (tensors: tf.Tensor[]): object[] => tensors.map(({ dataId }) => dataId);
    const one = update([given.variable, given.first, given.second]);
    tf.dispose(given.second);
    expect(given.variable.dataSync()).toEqual(before);
    const two = update(one);
    expect(dataIds(two)).toEqual(dataIds(one));
    tf.dispose(one);

    const clone = two[0]!.clone();
    const read = two[1]!.dataSync();
    const copies = [clone.dataSync().slice(), read.slice()];
    const three = update(two);
    expect(three.map(({ dataId }, i) => dataId === two[i]!.dataId)).toEqual([false, false, true]);
    expect([clone.dataSync(), read]).toEqual(copies);
    const expected = tf.tidy(() => {
      const twice = inputsOf(40_003);
      const next = update([twice.variable, twice.first, twice.second].map((tensor) => tf.add(tensor, 0)));
      return update(update(next)).map((tensor) => tensor.dataSync());
    });
    expect(three.map((tensor) => tensor.dataSync())).toEqual(expected);
    tf.dispose([given, two, three, clone] as never);
  });

  test('refuses shapes that differ', () => {
    tf.setBackend(BACKEND_NAME);
    const inputs = { ...inputsOf(6), gradient: tf.zeros([2, 3]) };
    expect(() => tf.engine().runKernel('AdamUpdate', inputs, attrs)).toThrow(/matching shapes/);
    tf.dispose(inputs);
  });
});

describe('reductions', () => {
  const ops = { sum: tf.sum, mean: tf.mean, max: tf.max, min: tf.min };
  test.each(Object.entries(ops))('%s along any axes agrees with the cpu backend', (name, f) => {
    const next = random(10);
    for (let i = 0; i < 40; i++) {
      const shape = Array.from({ length: integer(next, 1, 5) }, () => integer(next, 1, 9));
      const axes = shape.map((_, axis) => axis).filter(() => next() < 0.5);
      const keep = next() < 0.5;
      expectAgreement([inputOf(next, shape)], (x) => f(x!, axes, keep), `${name} ${shape} along ${axes}`);
    }
  });

  test('a long sum keeps single precision', () => {
    const next = random(11);
    const x = array(next, 3_000_000, 0, 1);
    const exact = x.reduce((total, value) => total + value, 0);
    const { values } = on(BACKEND_NAME, [{ values: x, shape: [x.length] }], (t) => tf.sum(t));
    expect(Math.abs(values[0]! / exact - 1)).toBeLessThan(1.2e-7);
  });
});

test('matrix products of any shape and orientation agree with the cpu backend', () => {
  const next = random(12);
  for (let i = 0; i < 60; i++) {
    const [m, k, n] = [integer(next, 1, 40), integer(next, 1, 70), integer(next, 1, 40)];
    const [ta, tb] = [next() < 0.5, next() < 0.5];
    const batches = integer(next, 0, 2) === 0 ? [] : [integer(next, 1, 3)];
    const a = [...(next() < 0.7 ? batches : []), ...(ta ? [k, m] : [m, k])];
    const b = [...batches, ...(tb ? [n, k] : [k, n])];
    expectAgreement(
      [inputOf(next, a), inputOf(next, b)],
      (a, b) => tf.matMul(a!, b!, ta, tb),
      `${a} by ${b}, ${ta} ${tb}`,
    );
  }
});
