import { expect, test } from 'vitest';
import { key, normals } from '@srmcmc/core';
import {
  featureSet,
  frechetDistance,
  inceptionScore,
  kernelInceptionDistance,
  nearestNeighbours,
  precisionRecall,
  statisticsOf,
} from '../src/index.ts';
import { NumpyRandomState } from '../src/numpy-random.ts';
import { arrays, statistics } from './goldens.ts';

const array = arrays('features.npz');
const golden = statistics.features;
const a = featureSet(Float32Array.from(array('a').values), 24);
const b = featureSet(Float32Array.from(array('b').values), 24);
const logits = featureSet(Float32Array.from(array('logits').values), 11);

test('permutations are those of numpy.random.RandomState', () => {
  const { permutations } = statistics;
  const random = new NumpyRandomState(2020);
  for (const expected of permutations['2020'])
    expect([...random.permutation(expected.length)]).toEqual(expected);
  expect([...new NumpyRandomState(4294967295).permutation(17)]).toEqual(permutations['4294967295'][0]);
  // Beyond 624 draws the state is renewed.
  expect([...new NumpyRandomState(5).permutation(5000).slice(-12)]).toEqual(permutations.long);
  const choices = new NumpyRandomState(2020);
  for (const expected of permutations.choice)
    expect([...choices.permutation(100).slice(0, 8)]).toEqual(expected);
});

test("the Fréchet distance of two sets of features is pytorch-fid's", async () => {
  const { value } = await frechetDistance(statisticsOf(a), statisticsOf(b));
  expect(value).toBeCloseTo(golden.frechet, 9);
});

test("the kernel distance is torch-fidelity's, mean and deviation, with the same seed", async () => {
  for (const [seed, expected] of [
    [2020, golden.kid],
    [7, golden.kidSeed7],
  ] as const) {
    const kid = await kernelInceptionDistance(a, b, { subsets: 9, subsetSize: 30, seed });
    // torch-fidelity multiplies in float32.
    expect(Math.abs(kid.value / expected.kernel_inception_distance_mean! - 1)).toBeLessThan(1e-4);
    expect(Math.abs(kid.deviation! / expected.kernel_inception_distance_std! - 1)).toBeLessThan(1e-4);
    expect(kid.subsets).toHaveLength(9);
  }
});

test('the kernel distance of a whole set is the unbiased estimate, summed over every pair', async () => {
  const size = 64;
  const half = featureSet(a.values.slice(0, size * 24), 24);
  const { value } = await kernelInceptionDistance(half, b, { subsets: 1, subsetSize: size });
  // A spread over copies of one subset would be 0 and say nothing.
  const copies = await kernelInceptionDistance(half, featureSet(b.values.slice(0, size * 24), 24), {
    subsetSize: size,
  });
  expect(copies.deviation).toBeUndefined();
  expect(copies.subsets).toHaveLength(1);
  const kernel = (x: ArrayLike<number>, i: number, y: ArrayLike<number>, j: number): number => {
    let product = 0;
    for (let k = 0; k < 24; k++) product += x[i * 24 + k]! * y[j * 24 + k]!;
    return (product / 24 + 1) ** 3;
  };
  let [within, between] = [0, 0];
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      if (i !== j) within += kernel(half.values, i, half.values, j) + kernel(b.values, i, b.values, j);
      between += kernel(half.values, i, b.values, j);
    }
  }
  expect(value).toBeCloseTo(within / (size * (size - 1)) - (2 * between) / size ** 2, 12);
});

test("the Inception Score is torch-fidelity's: shuffled, in order, and in one split", () => {
  for (const [options, expected] of [
    [{ splits: 4 }, golden.isc],
    [{ splits: 4, seed: null }, golden.iscInOrder],
    [{ splits: 1 }, golden.iscOneSplit],
  ] as const) {
    const score = inceptionScore(logits, options);
    expect(score.value).toBeCloseTo(expected.inception_score_mean!, 12);
    expect(score.deviation).toBeCloseTo(expected.inception_score_std!, 12);
  }
});

test('the Inception Score is 1 where all images look alike, and the number of classes where each is certain', () => {
  const classes = 7;
  const alike = featureSet(new Float64Array(classes * 70).fill(3), classes);
  expect(inceptionScore(alike, { splits: 2 }).value).toBeCloseTo(1, 12);
  // Logits so large that exp of them would overflow.
  const certain = new Float64Array(classes * 70).map((_, i) =>
    Math.floor(i / classes) % classes === i % classes ? 5e3 : 0,
  );
  const score = inceptionScore(featureSet(certain, classes), { splits: 1 });
  expect(score.value).toBeCloseTo(classes, 10);
  expect(score.warnings).toEqual(['splits of 70 examples make a score that is too low: it cannot exceed 70']);
});

test("precision, recall, density and coverage are prdc's for every number of neighbours", async () => {
  for (const [neighbours, expected] of Object.entries(golden.prdc)) {
    const result = await precisionRecall(a, b, { neighbours: Number(neighbours) });
    for (const [name, value] of Object.entries(expected)) {
      expect(result[name as keyof typeof result].value).toBeCloseTo(value, 12);
      expect(result[name as keyof typeof result].metric).toBe(name);
    }
  }
});

test("precision and recall with 3 neighbours are torch-fidelity's", async () => {
  const { precision, recall } = await precisionRecall(a, b, { neighbours: 3 });
  expect(precision.value).toBeCloseTo(golden.torchFidelityPrc.precision, 6);
  expect(recall.value).toBeCloseTo(golden.torchFidelityPrc.recall, 6);
});

test('more rows than a block holds have the same neighbours as found one by one', async () => {
  const values = normals(key(1), 1300, 3);
  const [points, among] = [values.subarray(0, 3 * 600), values.subarray(3 * 600)];
  const { indices, distances } = await nearestNeighbours(
    { values: points, dimension: 3 },
    { values: among, dimension: 3 },
    { k: 3 },
  );
  for (const i of [0, 1, 511, 512, 599]) {
    const all = Array.from({ length: 700 }, (_, j) => ({
      j,
      distance: Math.hypot(...[0, 1, 2].map((k) => points[3 * i + k]! - among[3 * j + k]!)),
    })).sort((x, y) => x.distance - y.distance);
    expect([...indices.slice(3 * i, 3 * i + 3)]).toEqual(all.slice(0, 3).map(({ j }) => j));
    all.slice(0, 3).forEach(({ distance }, k) => expect(distances[3 * i + k]!).toBeCloseTo(distance, 12));
  }
});

test('a copied example is found at distance 0 exactly, and of two copies the first', async () => {
  const training = Uint8Array.from(normals(key(2), 600, 48), (z) => 128 + 30 * z);
  training.copyWithin(590 * 48, 17 * 48, 18 * 48);
  const copy = Float32Array.from(training.subarray(17 * 48, 18 * 48));
  const found = await nearestNeighbours(
    { values: copy, dimension: 48 },
    { values: training, dimension: 48 },
    { k: 3 },
  );
  expect([...found.indices.slice(0, 2)]).toEqual([17, 590]);
  expect([...found.distances.slice(0, 2)]).toEqual([0, 0]);
  expect(found.distances[2]).toBeGreaterThan(1);
});

test('work in threads tells how far it is, and ends when its signal is aborted', async () => {
  const fractions: number[] = [];
  await precisionRecall(a, b, { onProgress: (fraction) => fractions.push(fraction) });
  expect(fractions).toEqual([...fractions].sort((x, y) => x - y));
  expect(fractions.at(-1)).toBe(1);

  const controller = new AbortController();
  let subsets = 0;
  const promise = kernelInceptionDistance(a, b, {
    subsets: 1000,
    subsetSize: 60,
    signal: controller.signal,
    onProgress: (done) => {
      subsets = done;
      if (done === 3) controller.abort(new Error('enough'));
    },
  });
  await expect(promise).rejects.toThrow('enough');
  expect(subsets).toBeLessThan(100);
  const aborted = precisionRecall(a, b, { signal: controller.signal });
  await expect(aborted).rejects.toThrow('enough');
});

test('too few examples, constant ones, and seeds that numpy does not take are refused', async () => {
  await expect(kernelInceptionDistance(a, b)).rejects.toMatchObject({
    code: 'TOO_FEW_EXAMPLES',
    needed: 1000,
    count: 75,
  });
  await expect(kernelInceptionDistance(a, logits, { subsetSize: 5 })).rejects.toMatchObject({
    code: 'INCOMPARABLE',
    differences: ['number: 24, 11'],
  });
  expect(() => inceptionScore(logits, { splits: 58 })).toThrow(
    expect.objectContaining({ code: 'TOO_FEW_EXAMPLES' }),
  );
  expect(() => inceptionScore(logits, { seed: 2 ** 32 })).toThrow('must be below 2^32');
  await expect(precisionRecall(a, b, { neighbours: 64 })).rejects.toMatchObject({
    code: 'TOO_FEW_EXAMPLES',
    needed: 65,
  });
  const constant = featureSet(new Float32Array(24 * 20).fill(1), 24);
  await expect(precisionRecall(constant, b)).rejects.toMatchObject({ code: 'CONSTANT_FEATURES' });
  const [none, nan] = [new Float32Array(0), Float32Array.of(NaN, 1)];
  const one = { values: Float32Array.of(1, 2), dimension: 2 };
  await expect(nearestNeighbours(one, { values: none, dimension: 2 })).rejects.toMatchObject({
    code: 'TOO_FEW_EXAMPLES',
  });
  await expect(nearestNeighbours(one, { values: nan, dimension: 2 })).rejects.toMatchObject({
    code: 'NON_FINITE_FEATURES',
  });
});
