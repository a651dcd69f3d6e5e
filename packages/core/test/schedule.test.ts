import { describe, expect, test } from 'vitest';
import {
  exponential,
  InvalidArgumentError,
  linear,
  nonNegativeAt,
  piecewise,
  positiveAt,
  type Schedule,
  valueAt,
} from '../src/index.ts';

const valuesOf = (schedule: Schedule, indices: readonly number[]): number[] =>
  indices.map((index) => valueAt(schedule, index));

describe('schedules', () => {
  test('a number is the same at every index', () => {
    expect(valuesOf(0.3, [0, 1, 1000])).toEqual([0.3, 0.3, 0.3]);
  });

  test('a straight line reaches its end after its length, and stays there', () => {
    expect(valuesOf(linear(2, 1, 4), [0, 1, 2, 3, 4, 5, 100])).toEqual([2, 1.75, 1.5, 1.25, 1, 1, 1]);
  });

  test('an exponential is multiplied by its factor every so many indices', () => {
    const values = valuesOf(exponential(8, 0.5, 10), [0, 5, 10, 30]);
    expect(values[1]).toBeCloseTo(8 / Math.SQRT2, 12);
    expect([values[0], values[2], values[3]]).toEqual([8, 4, 1]);
  });

  test('pieces change at their boundaries', () => {
    expect(valuesOf(piecewise([2, 5], [1, 0.1, 0.01]), [0, 1, 2, 4, 5, 9])).toEqual([
      1, 1, 0.1, 0.1, 0.01, 0.01,
    ]);
  });

  test('lengths that do not fit are refused', () => {
    expect(() => linear(0, 1, 0)).toThrow(InvalidArgumentError);
    expect(() => piecewise([1], [1])).toThrow(expect.objectContaining({ field: 'values' }));
  });
});

describe('what a schedule may be', () => {
  const falling = linear(1, -1, 2);

  test.each([
    { name: 'a finite number', at: valueAt, refused: [NaN, Infinity, -Infinity], taken: [-1, 0, 1] },
    { name: 'not negative', at: nonNegativeAt, refused: [NaN, -1e-300], taken: [0, 1e-300] },
    { name: 'positive', at: positiveAt, refused: [NaN, -1, 0], taken: [1e-300, 5] },
  ])('$name', ({ at, refused, taken }) => {
    for (const value of taken) expect(at(value, 3, 'rate')).toBe(value);
    for (const value of refused) {
      expect(() => at(value, 3, 'rate')).toThrow(expect.objectContaining({ field: 'rate' }));
    }
  });

  test('the step whose value is refused is told', () => {
    expect(positiveAt(falling, 0, 'stepSize')).toBe(1);
    expect(nonNegativeAt(falling, 1, 'stepSize')).toBe(0);
    expect(() => positiveAt(falling, 1, 'stepSize')).toThrow('got 0 at step 1');
    expect(() => nonNegativeAt(falling, 2, 'stepSize')).toThrow('got -1 at step 2');
  });
});
