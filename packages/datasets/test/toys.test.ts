import { CorruptDataError, fromChain, InvalidArgumentError, key } from '@srmcmc/core';
import { datasetConformance } from '@srmcmc/core/testing';
import { describe, expect, test } from 'vitest';
import {
  checkerboard,
  gaussianRing,
  mixture1d,
  mixture2d,
  moons,
  pinwheel,
  rings,
  type Toy,
  toyDataset,
} from '../src/index.ts';
import { golden } from './temporary.ts';

const ALL = { mixture1d, mixture2d, gaussianRing, rings, checkerboard, moons, pinwheel };
const toys = Object.entries(ALL).map(([name, make]): [string, Toy] => [name, make()]);

/** Draws for statistics; bounds are five standard errors, which a right sampler exceeds once in 10^6. */
const DRAWS = 100_000;
const SIGMAS = 5;

test.each(toys)('%s: point i is a pure function of the key and i', (_, toy) => {
  const [dimension] = toy.shape;
  const all = toy.sample(key(3), 40);
  expect(all).toHaveLength(40 * dimension);
  expect(toy.sample(key(3), 7)).toEqual(all.slice(0, 7 * dimension));
  expect(toy.sample(fromChain(key(3), 17), 1)).toEqual(all.slice(17 * dimension, 18 * dimension));
  expect(toy.sample(key(4), 40)).not.toEqual(all);
});

for (const [name, toy] of toys) {
  describe(`${name} as a data set conforms`, () => {
    for (const { name: claim, run } of datasetConformance(() =>
      toyDataset(toy, { key: key(1), size: 100 }),
    )) {
      test(claim, run);
    }
  });
}

test.each(Object.entries({ mixture1d, mixture2d, gaussianRing }))(
  "%s: log density is scipy's",
  async (name, make) => {
    const expected = (await golden<Record<string, { points: number[]; logDensity: number[] }>>('mixtures'))[
      name
    ]!;
    const actual = make().logDensity(expected.points);
    expect(actual).toHaveLength(expected.logDensity.length);
    actual.forEach((value, i) => expect(value).toBeCloseTo(expected.logDensity[i]!, 9));
  },
);

/** A grid of cells over [-6, 6]^dimension, by their centres. */
function grid(dimension: number, cells: number): { points: number[]; volume: number } {
  const width = 12 / cells;
  const axis = Array.from({ length: cells }, (_, i) => -6 + width * (i + 0.5));
  const points = dimension === 1 ? axis : axis.flatMap((y) => axis.flatMap((x) => [x, y]));
  return { points, volume: width ** dimension };
}

test.each(toys)('%s: the density integrates to 1', (_, toy) => {
  const { points, volume } = grid(toy.shape[0], toy.shape[0] === 1 ? 1200 : 360);
  const integral = toy.logDensity(points).reduce((sum, logP) => sum + Math.exp(logP) * volume, 0);
  expect(Math.abs(integral - 1)).toBeLessThan(1e-4);
});

test.each(toys)('%s: the points come from the density: -log p averages to the entropy', (_, toy) => {
  const { points, volume } = grid(toy.shape[0], toy.shape[0] === 1 ? 1200 : 360);
  const entropy = toy
    .logDensity(points)
    .reduce((sum, logP) => (logP === -Infinity ? sum : sum - Math.exp(logP) * logP * volume), 0);
  const surprise = toy.logDensity(toy.sample(key(11), DRAWS)).map((logP) => -logP);
  const mean = surprise.reduce((sum, value) => sum + value) / DRAWS;
  const variance = surprise.reduce((sum, value) => sum + (value - mean) ** 2, 0) / DRAWS;
  expect(Math.abs(mean - entropy)).toBeLessThan(SIGMAS * Math.sqrt(variance / DRAWS) + 1e-4);
});

test.each(toys)(
  '%s: the points come from the density: counts in coarse cells pass a chi-squared test',
  (_, toy) => {
    const [dimension] = toy.shape;
    const coarse = 24;
    const fine = dimension === 1 ? 1200 : 360;
    const cellOf = (point: ArrayLike<number>, i: number) => {
      let cell = 0;
      for (let axis = 0; axis < dimension; axis++) {
        cell = cell * coarse + Math.floor(((point[i * dimension + axis]! + 6) / 12) * coarse);
      }
      return cell;
    };
    const { points, volume } = grid(dimension, fine);
    const expected = new Float64Array(coarse ** dimension);
    toy
      .logDensity(points)
      .forEach((logP, i) => (expected[cellOf(points, i)]! += Math.exp(logP) * volume * DRAWS));
    const observed = new Float64Array(coarse ** dimension);
    const sample = toy.sample(key(12), DRAWS);
    for (let i = 0; i < DRAWS; i++) observed[cellOf(sample, i)]!++;

    let statistic = 0;
    let cells = 0;
    for (let cell = 0; cell < expected.length; cell++) {
      if (expected[cell]! < 10) continue;
      statistic += (observed[cell]! - expected[cell]!) ** 2 / expected[cell]!;
      cells++;
    }
    expect(cells).toBeGreaterThan(8);
    // Chi-squared has mean = cells - 1 and variance = 2 (cells - 1).
    expect(statistic).toBeLessThan(cells - 1 + SIGMAS * Math.sqrt(2 * (cells - 1)));
  },
);

/** Mean and covariance of points in the plane, and of their squares for standard errors. */
function expectMoments(
  toy: Toy,
  expected: readonly { of: (x: number, y: number) => number; is: number }[],
): void {
  const points = toy.sample(key(13), DRAWS);
  for (const { of, is } of expected) {
    const values = Array.from({ length: DRAWS }, (_, i) => of(points[2 * i]!, points[2 * i + 1]!));
    const mean = values.reduce((sum, value) => sum + value) / DRAWS;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / DRAWS;
    expect(Math.abs(mean - is)).toBeLessThan(SIGMAS * Math.sqrt(variance / DRAWS));
  }
}

test('moons have the moments of two half circles and the noise', () => {
  const noise = 0.1;
  expectMoments(moons({ noise }), [
    { of: (x) => x, is: 0.5 },
    { of: (_, y) => y, is: 0.25 },
    // Upper: E x² = 1/2, E y² = 1/2, E xy = 0. Lower: x = 1 - cos, y = 1/2 - sin, with E sin = 2/π.
    { of: (x) => x * x, is: (0.5 + 1.5) / 2 + noise ** 2 },
    { of: (_, y) => y * y, is: (0.5 + 0.25 - 2 / Math.PI + 0.5) / 2 + noise ** 2 },
    { of: (x, y) => x * y, is: (0 + 0.5 - 2 / Math.PI) / 2 },
  ]);
});

test('moons are within five standard deviations of noise of a half circle, the upper one or the lower one', () => {
  const points = moons({ noise: 0.02 }).sample(key(14), 10_000);
  let upper = 0;
  for (let i = 0; i < 10_000; i++) {
    const [x, y] = [points[2 * i]!, points[2 * i + 1]!];
    const toUpper = y > -0.1 ? Math.abs(Math.hypot(x, y) - 1) : Infinity;
    const toLower = y < 0.6 ? Math.abs(Math.hypot(x - 1, y - 0.5) - 1) : Infinity;
    expect(Math.min(toUpper, toLower)).toBeLessThan(0.1);
    if (toUpper < toLower) upper++;
  }
  expect(Math.abs(upper - 5000)).toBeLessThan(SIGMAS * 50);
});

test('the pinwheel has the radius of its arms, and turns into itself by a fifth of a circle', () => {
  const fifth = (k: number) => (x: number, y: number) => Math.cos(k * Math.atan2(y, x));
  expectMoments(pinwheel(), [
    { of: (x) => x, is: 0 },
    { of: (_, y) => y, is: 0 },
    { of: (x, y) => x * x + y * y, is: 4 * (1 + 0.3 ** 2 + 0.1 ** 2) },
    // Only multiples of five survive a five-fold symmetry.
    ...[1, 2, 3, 4].map((k) => ({ of: fifth(k), is: 0 })),
  ]);
  const points = pinwheel().sample(key(15), DRAWS);
  let five = 0;
  for (let i = 0; i < DRAWS; i++)
    five += Math.cos(5 * Math.atan2(points[2 * i + 1]!, points[2 * i]!)) / DRAWS;
  expect(Math.abs(five)).toBeGreaterThan(0.05);
});

test("moons: log density is scipy's integral along the half circles", async () => {
  const { wide, narrow } =
    await golden<Record<string, { noise: number; points: number[]; logDensity: number[] }>>('moons');
  for (const { noise, points, logDensity } of [wide!, narrow!]) {
    moons({ noise })
      .logDensity(points)
      .forEach((value, i) => expect(value).toBeCloseTo(logDensity[i]!, logDensity[i]! > -20 ? 9 : 5));
  }
});

describe.each([
  ['as it is', {}],
  ['twisted and widened, so that arms fold over each other', { arms: 3, rate: 0.9, tangentialStd: 0.4 }],
])('the density of a pinwheel %s', (_, options) => {
  const { arms, rate, tangentialStd, radialStd } = {
    ...{ arms: 5, rate: 0.25, tangentialStd: 0.1, radialStd: 0.3 },
    ...options,
  };
  const wheel = pinwheel(options);
  const forward = (arm: number, a: number, b: number): [number, number] => {
    const angle = (2 * Math.PI * arm) / arms + rate * Math.exp(a);
    return [2 * (a * Math.cos(angle) - b * Math.sin(angle)), 2 * (a * Math.sin(angle) + b * Math.cos(angle))];
  };

  test('is the sum over what is brought to a point, found by search, by finite differences of the twist', () => {
    const logNormal = (x: number, s: number) => -0.5 * (x / s) ** 2 - Math.log(s * Math.sqrt(2 * Math.PI));
    for (const [x, y] of [
      [1.3, 0.4],
      [-2.2, 1.9],
      [0.1, -0.3],
      [3.1, 2.2],
      [0.5, 4.6],
    ] as const) {
      const radius = Math.hypot(x, y) / 2;
      let density = 0;
      for (let arm = 0; arm < arms; arm++) {
        // The angle by which the arm's point at ψ misses (x, y), searched for changes of sign.
        const miss = (psi: number): number => {
          const [px, py] = forward(arm, radius * Math.cos(psi), radius * Math.sin(psi));
          return Math.atan2(px * y - py * x, px * x + py * y);
        };
        const count = 20_000;
        for (let k = 0; k < count; k++) {
          const [from, to] = [k, k + 1].map((i) => (2 * Math.PI * i) / count - Math.PI) as [number, number];
          const [before, after] = [miss(from), miss(to)];
          if (before * after > 0 || Math.abs(before - after) > 1) continue;
          const psi = from + ((to - from) * before) / (before - after);
          const [a, b] = [radius * Math.cos(psi), radius * Math.sin(psi)];
          const h = 1e-5;
          const da = [0, 1].map(
            (axis) => (forward(arm, a + h, b)[axis]! - forward(arm, a - h, b)[axis]!) / (2 * h),
          );
          const db = [0, 1].map(
            (axis) => (forward(arm, a, b + h)[axis]! - forward(arm, a, b - h)[axis]!) / (2 * h),
          );
          const determinant = Math.abs(da[0]! * db[1]! - da[1]! * db[0]!);
          density += Math.exp(logNormal(a - 1, radialStd) + logNormal(b, tangentialStd)) / determinant / arms;
        }
      }
      const [found] = wheel.logDensity([x, y]) as unknown as [number];
      expect(Math.exp(found) / density).toBeCloseTo(1, 3);
    }
  });

  test('is that of the points: as many lie in cells as it says', () => {
    const draws = wheel.sample(key(17), DRAWS);
    const inside = (low: readonly number[], side: number): number => {
      let count = 0;
      for (let i = 0; i < DRAWS; i++) {
        if ([0, 1].every((axis) => Math.abs(draws[2 * i + axis]! - low[axis]! - side / 2) < side / 2))
          count++;
      }
      return count;
    };
    for (const low of [
      [1, 0],
      [-1, 1.2],
      [-0.3, -2],
    ] as const) {
      const [side, cells] = [0.8, 80];
      const centre = (k: number, axis: 0 | 1): number => low[axis] + (side * (k + 0.5)) / cells;
      const points = Array.from({ length: cells * cells }, (__, i) => [
        centre(Math.floor(i / cells), 0),
        centre(i % cells, 1),
      ]).flat();
      const share =
        wheel.logDensity(points).reduce((sum, value) => sum + Math.exp(value), 0) * (side / cells) ** 2;
      const deviation = Math.sqrt(DRAWS * share * (1 - share));
      // A fold's density is infinite on a line, which the middles of cells sum up to a few per cent.
      const tolerance = 'rate' in options ? 0.02 * DRAWS * share : 0;
      expect(Math.abs(inside(low, side) - DRAWS * share)).toBeLessThan(SIGMAS * deviation + tolerance);
    }
  });
});

test('densities far from their points are small, not wrong', () => {
  for (const toy of [moons(), pinwheel()]) {
    const logs = toy.logDensity([0, 0, 30, 30, -40, 3]);
    expect(logs.some((value) => Number.isNaN(value) || value > 0)).toBe(false);
    expect(logs[1]).toBeLessThan(-1000);
  }
});

test.each([2, 4, 10])('a checkerboard of %i fields a side has no point on a light field', (fields) => {
  const board = checkerboard({ fields, extent: 0.3 });
  expect(board.logDensity(board.sample(key(16), DRAWS)).every(Number.isFinite)).toBe(true);
  expect([...board.logDensity([0.31, 0, -0.31, 0, 0, 0.31, 0, -0.31])]).toEqual(new Array(4).fill(-Infinity));
});

test('parameters without a meaning are refused by name', () => {
  expect(() => mixture1d([])).toThrow('components: a mixture needs at least one');
  expect(() => mixture1d([{ mean: 0, std: 0 }])).toThrow('components.0.std: must be above 0, got 0');
  expect(() => mixture1d([{ mean: NaN, std: 1 }])).toThrow('components.0.mean');
  expect(() => mixture2d([{ mean: [0, 0], std: 1, weight: -1 }])).toThrow('components.0.weight');
  expect(() => gaussianRing({ modes: 0 })).toThrow(InvalidArgumentError);
  expect(() => rings({ radii: [] })).toThrow(InvalidArgumentError);
  expect(() => rings({ radii: [1, -1] })).toThrow('radii.1');
  expect(() => checkerboard({ fields: 3 })).toThrow('must be even');
  expect(() => moons({ noise: 0 })).toThrow('noise');
  expect(() => pinwheel({ arms: 0 })).toThrow('arms');
  expect(() => toyDataset(moons(), { key: key(0), size: 0 })).toThrow('size');
  expect(() => toyDataset(mixture1d([{ mean: 1e39, std: 1 }]), { key: key(0), size: 2 })).toThrow(
    CorruptDataError,
  );
});
