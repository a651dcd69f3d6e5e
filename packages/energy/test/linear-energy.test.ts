/** FRAME: linear energies, their features, and what the features are on images. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, describe, expect, test } from 'vitest';
import { key, normal, normals } from '@srmcmc/core';
import { energyConformance } from '@srmcmc/core/testing';
import {
  convEnergy,
  convNetworkOf,
  energyOf,
  type Features,
  filterFeatures,
  filterProducts,
  functionFeatures,
  gabor,
  haar,
  histogram,
  intensity,
  joinFeatures,
  laplacianOfGaussian,
  linearEnergy,
  loadStateDict,
  magnitude,
  networkFeatures,
  toStateDict,
} from '@srmcmc/energy';
import { nativeStatus, registerNativeBackend } from '@srmcmc/native';
import { golden, relativeError } from '../../../tools/goldens/golden.ts';

const available = registerNativeBackend();
const backends = [
  ['the cpu backend', 'cpu', true],
  [
    `the native backend${available ? '' : ` (skipped: ${nativeStatus().reason})`}`,
    'srmcmc-native',
    available,
  ],
] as const;
const code = (expected: string): unknown => expect.objectContaining({ code: expected });
const grey = [9, 8, 1] as const;
const colour = [8, 8, 3] as const;
const bank = [
  ...intensity(),
  ...haar({ sizes: [2] }),
  ...laplacianOfGaussian({ deviations: [0.7] }),
  ...gabor({ wavelengths: [2], orientations: 2, stride: 2 }),
];
const images = (shape: readonly number[], n = 4, seed = 5) => normal(key(seed), [n, ...shape]) as tf.Tensor4D;
const net = () =>
  convEnergy({ imageShape: [8, 8, 3], channels: [4, 6], activation: { name: 'swish' }, key: key(1) });

const made: Record<string, () => Features> = {
  'histograms, valid': () => filterFeatures({ imageShape: grey, filters: bank }),
  'histograms of three channels, periodic, scaled by examples': () =>
    filterFeatures({
      imageShape: colour,
      filters: bank,
      boundary: 'periodic',
      examples: images([10, 12, 3]),
      marginal: histogram({ bins: 3 }),
    }),
  'magnitudes, periodic': () =>
    filterFeatures({ imageShape: grey, filters: bank, boundary: 'periodic', marginal: magnitude() }),
  'products of three channels, valid, scaled by examples': () =>
    filterProducts({ imageShape: colour, filters: bank.slice(0, 5), examples: images([10, 12, 3]) }),
  'two banks joined': () =>
    joinFeatures(
      filterFeatures({ imageShape: grey, filters: intensity(), marginal: histogram() }),
      filterFeatures({ imageShape: grey, filters: bank, marginal: magnitude({ smoothing: 0.3 }) }),
    ),
  'channels of two layers of a ConvNet': () => networkFeatures(net(), { layers: [1, 2] }),
  'a function': () =>
    functionFeatures({
      eventShape: [3],
      dimension: 6,
      apply: (x) => tf.concat([x, tf.square(x)], 1),
    }),
};

describe.each(backends)('on %s', (_, backend, present) => {
  beforeAll(async () => {
    if (present) await tf.setBackend(backend);
  });
  for (const [name, make] of Object.entries(made)) {
    const energy = () => {
      const features = make();
      return linearEnergy({ features, theta: normals(key(2), 1, features.names.length), reference: 0.8 });
    };
    describe.skipIf(!present)(`linearEnergy of ${name}`, () => {
      for (const { name: claim, run } of energyConformance(energy)) test(claim, run);
    });
  }
});

describe('linearEnergy', () => {
  beforeAll(() => tf.setBackend('cpu'));
  const moments = () =>
    functionFeatures({
      eventShape: [2],
      dimension: 3,
      positions: 4,
      names: ['a', 'b', 'aa'],
      apply: (x) => tf.concat([x, tf.square(tf.slice(x, [0, 0], [-1, 1]))], 1),
    });

  test('is N <θ, h(x)> − |x|²/2s², and its gradient in θ is N h(x)', async () => {
    const energy = linearEnergy({ features: moments(), theta: [1, -2, 0.5], reference: 2 });
    const x = tf.tensor2d([[3, 5]]);
    expect(energy.negativeEnergy(x).arraySync()).toEqual([4 * (3 - 10 + 4.5) - 34 / 8]);
    const { gradients } = energy.parameterGrads(x, tf.tensor1d([1]));
    expect(await gradients['theta']!.array()).toEqual([12, 20, 36]);
  });

  test('starts as its reference', async () => {
    const energy = linearEnergy({ features: moments() });
    expect(await energy.negativeEnergy(tf.ones([2, 2])).data()).toEqual(Float32Array.of(0, 0));
    energy.dispose();
    expect(energy.theta.isDisposed).toBe(true);
  });

  test('keeps θ in a state dict, which loads into the same features and no others', async () => {
    const features = moments();
    const learned = linearEnergy({ features, theta: [1, -2, 0.5] });
    const stateDict = await toStateDict(learned);
    expect(stateDict).toEqual(new Map([['theta', { shape: [3], data: Float32Array.of(1, -2, 0.5) }]]));
    const copy = linearEnergy({ features });
    loadStateDict(copy, stateDict);
    expect(await copy.theta.array()).toEqual([1, -2, 0.5]);
    const other = linearEnergy({ features: joinFeatures(features, features) });
    expect(() => loadStateDict(other, stateDict)).toThrow(code('INVALID_SHAPE'));
    expect(other.network).toBeUndefined();
  });

  test.each([
    ['θ of another length', () => linearEnergy({ features: moments(), theta: [1] }), 'INVALID_SHAPE'],
    [
      'a reference of no width',
      () => linearEnergy({ features: moments(), reference: 0 }),
      'INVALID_ARGUMENT',
    ],
  ] as const)('refuses %s', (_claim, make, expected) => {
    expect(make).toThrow(code(expected));
  });
});

describe('filterFeatures', () => {
  beforeAll(() => tf.setBackend('cpu'));
  const expected = golden(import.meta.url, 'filter-bank');
  const image = tf.tensor4d(expected.get('image')!.data, [1, 24, 20, 1]);
  const valuesOf = async (name: string, marginal: 'magnitude' | 'histogram', stride = 1) => {
    const features = filterFeatures({
      imageShape: [24, 20, 1],
      filters: laplacianOfGaussian({ deviations: [1], stride }),
      boundary: name === 'periodic' ? 'periodic' : 'valid',
      marginal:
        marginal === 'magnitude'
          ? magnitude({ smoothing: 1e-4 })
          : histogram({ bins: 5, range: 1.5, softness: 1e-6 }),
    });
    return features.apply(image).data();
  };

  test.each(['valid', 'periodic'])('%s: magnitudes are those of SciPy', async (boundary) => {
    const found = await valuesOf(boundary, 'magnitude');
    expect(relativeError(found, expected.get(`${boundary}.mean`)!.data)).toBeLessThan(1e-5);
  });

  test.each([
    ['valid', 1],
    ['periodic', 1],
    ['strided', 2],
  ] as const)('%s: with edges this hard, histograms are those of NumPy', async (boundary, stride) => {
    const found = await valuesOf(boundary, 'histogram', stride);
    expect(relativeError(found, expected.get(`${boundary}.histogram`)!.data)).toBeLessThan(1e-5);
  });

  test('soft histograms are sums of logistic functions, and add up to 1', async () => {
    const features = filterFeatures({
      imageShape: [2, 2, 1],
      filters: intensity(),
      marginal: histogram({ bins: 4, range: 2, softness: 0.5 }),
    });
    const pixels = [-2.5, 0.3, 0.9, 4];
    const found = await features.apply(tf.tensor4d(pixels, [1, 2, 2, 1])).data();
    // Edges −2, 0, 2, two apart, so that the scale is 1.
    const above = (edge: number, r: number): number => 1 / (1 + Math.exp(edge - r));
    const bin = (low: number, high: number): number =>
      pixels.reduce((sum, r) => sum + (above(low, r) - above(high, r)) / 4, 0);
    const counts = [bin(-Infinity, -2), bin(-2, 0), bin(0, 2), bin(2, Infinity)];
    expect(relativeError(found, counts)).toBeLessThan(1e-6);
    expect([...found].reduce((sum, each) => sum + each)).toBeCloseTo(1, 6);
    expect(features.names).toEqual([
      'intensity: below -2.00',
      'intensity: -2.00 to 0.00',
      'intensity: 0.00 to 2.00',
      'intensity: above 2.00',
    ]);
  });

  test('scaled by examples, responses to them have mean 0 and standard deviation 1', async () => {
    const examples = tf.add(tf.mul(images([12, 10, 3], 6), 7), 3) as tf.Tensor4D;
    // The mean of r² is that of √(r² + ε²)² − ε²; of r, what two far edges on one side count.
    const filters = [...intensity(), ...haar({ sizes: [2] })];
    const features = filterFeatures({
      imageShape: [12, 10, 3],
      filters,
      examples,
      marginal: {
        labels: ['mean', 'square'],
        apply: (r) => tf.stack([tf.mean(r, [1, 2]), tf.mean(tf.square(r), [1, 2])], 2) as tf.Tensor3D,
      },
    });
    const [, , ...means] = await tf
      .mean(tf.reshape(features.apply(examples), [6 * 3, filters.length, 2]), 0)
      .data();
    for (let i = 0; i < means.length; i += 2) {
      expect(Math.abs(means[i]!)).toBeLessThan(1e-4);
      expect(Math.abs(means[i + 1]! - 1)).toBeLessThan(1e-4);
    }
  });

  test('periodic features do not change where the image is rolled', async () => {
    const features = filterFeatures({
      imageShape: grey,
      filters: bank.filter(({ stride }) => stride === 1),
      boundary: 'periodic',
    });
    const x = images(grey, 2);
    const rolled = tf.concat([tf.slice(x, [0, 4, 0, 0]), tf.slice(x, [0, 0, 0, 0], [-1, 4, -1, -1])], 1);
    expect(relativeError(await features.apply(rolled).data(), await features.apply(x).data())).toBeLessThan(
      1e-5,
    );
  });

  test.each([
    ['no filters', () => filterFeatures({ imageShape: grey, filters: [] })],
    [
      'a filter larger than the image',
      () => filterFeatures({ imageShape: grey, filters: gabor({ wavelengths: [6] }) }),
    ],
    [
      'examples without variation',
      () => filterFeatures({ imageShape: grey, filters: haar(), examples: tf.ones([1, 9, 9, 1]) }),
    ],
    ['no bins', () => histogram({ bins: 1 })],
    [
      'parts over other positions',
      () =>
        joinFeatures(
          filterFeatures({ imageShape: [3, 1, 1], filters: intensity() }),
          functionFeatures({ eventShape: [3, 1, 1], dimension: 1, apply: (x) => x }),
        ),
    ],
  ])('refuses %s', (_claim, make) => {
    expect(make).toThrow(code('INVALID_ARGUMENT'));
  });

  test('is freed by dispose', () => {
    const { numTensors } = tf.memory();
    made['two banks joined']!().dispose();
    expect(tf.memory().numTensors).toBe(numTensors);
  });
});

describe('networkFeatures', () => {
  beforeAll(() => tf.setBackend('cpu'));
  const state = golden(import.meta.url, 'paper-32');
  const weights = new Map([...state].filter(([name]) => name.startsWith('f.')));
  const trained = () => {
    const energy = energyOf(convNetworkOf(weights), key(0));
    loadStateDict(energy, weights);
    if (energy.network.kind !== 'conv') throw new Error('not a ConvNet');
    return energy as ReturnType<typeof convEnergy>;
  };
  const x = tf.tensor(state.get('x')!.data, [...state.get('x')!.shape]);

  test("a state dict's last but one layer responds as in PyTorch, by whose gradient it is known", async () => {
    // ∂ mean f/∂(last weights) is the mean response at each position: [1, channels, 4, 4].
    const { data, shape } = state.get('grad.f.8.weight')!;
    const responses = tf.mean(tf.tensor(data, [...shape]), [0, 2, 3]);
    const found = tf.mean(networkFeatures(trained()).apply(x), 0);
    expect(found.shape).toEqual([32]);
    expect(relativeError(await found.data(), await responses.data())).toBeLessThan(1e-5);
  });

  test('the last layer is f itself, and layers come in their order', async () => {
    const features = networkFeatures(trained(), { layers: [5, 1] });
    expect(features.names).toEqual(
      [0, 1, 2, 3].map((k) => `layer 1 channel ${k}`).concat('layer 5 channel 0'),
    );
    const f = await tf.slice(features.apply(x), [0, 4]).data();
    expect(relativeError(f, state.get('value')!.data)).toBeLessThan(1e-5);
  });

  test.each([[[0]], [[6]], [[1, 1]], [[]]])('refuses the layers %j of a net of 5', (layers) => {
    expect(() => networkFeatures(trained(), { layers })).toThrow(code('INVALID_ARGUMENT'));
  });
});
