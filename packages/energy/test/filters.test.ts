/** The filters against scikit-image, SciPy and PyWavelets. */
import { describe, expect, test } from 'vitest';
import {
  type Filter,
  gabor,
  gaussianDerivatives,
  haar,
  intensity,
  laplacianOfGaussian,
} from '@srmcmc/energy';
import { golden, relativeError } from '../../../tools/goldens/golden.ts';

const expected = golden(import.meta.url, 'filter-bank');

const ours: Record<string, Filter> = {};
const name = (filters: readonly Filter[], names: readonly string[]): void => {
  expect(filters.length).toBe(names.length);
  filters.forEach((filter, i) => (ours[names[i]!] = filter));
};
for (const wavelength of [3, 6]) {
  const directions = [0, 45, 90, 135].flatMap((degrees) =>
    ['even', 'odd'].map((phase) => `gabor.${wavelength}.${degrees}.${phase}`),
  );
  name(gabor({ wavelengths: [wavelength] }), directions);
}
for (const deviation of [1, 2]) {
  const orders = [1, 2].flatMap((order) =>
    [0, 90].map((degrees) => `derivative.${deviation}.${order}.${degrees}`),
  );
  name(gaussianDerivatives({ deviations: [deviation], orientations: 2 }), orders);
  name(laplacianOfGaussian({ deviations: [deviation] }), [`laplacian.${deviation}`]);
}
for (const size of [2, 4]) {
  name(
    haar({ sizes: [size] }),
    ['across', 'down', 'diagonal'].map((direction) => `haar.${size}.${direction}`),
  );
}

test('every filter of the goldens is compared', () => {
  const filters = [...expected.keys()].filter((key) => /^(gabor|derivative|laplacian|haar)/.test(key));
  expect(Object.keys(ours).sort()).toEqual(filters.sort());
});

test.each(Object.keys(ours))('%s is that of the reference', (key) => {
  const { data, shape } = expected.get(key)!;
  const { size, values } = ours[key]!;
  expect([size, size]).toEqual(shape);
  // Signs are ours: edges that rise along a direction, and bumps, are positive or not, but not both.
  const sign = values.reduce((sum, value, i) => sum + value * data[i]!, 0) < 0 ? -1 : 1;
  expect(
    relativeError(
      values.map((value) => sign * value),
      data,
    ),
  ).toBeLessThan(1e-5);
});

describe('all filters', () => {
  const all = [
    ...gabor({ wavelengths: [3, 7.5], orientations: 3, aspect: 1.5 }),
    ...gaussianDerivatives(),
    ...laplacianOfGaussian(),
    ...haar(),
  ];
  test.each(all.map((filter) => [filter.name, filter] as const))(
    '%s: mean 0, norm 1',
    (_, { values, size }) => {
      expect(values.length).toBe(size * size);
      expect(Math.abs(values.reduce((sum, value) => sum + value, 0))).toBeLessThan(1e-5);
      expect(Math.hypot(...values)).toBeCloseTo(1, 5);
    },
  );

  test('are named apart', () => {
    const names = [...all, ...intensity()].map((filter) => filter.name);
    expect(new Set(names).size).toBe(names.length);
  });
});

test.each([
  ['waves shorter than two pixels', () => gabor({ wavelengths: [1.5] })],
  ['no wavelengths', () => gabor({ wavelengths: [] })],
  ['half a direction', () => gabor({ wavelengths: [4], orientations: 0.5 })],
  ['an envelope wider than long', () => gabor({ wavelengths: [4], aspect: 0.5 })],
  ['Gaussians that no pixel resolves', () => laplacianOfGaussian({ deviations: [0.2] })],
  ['odd wavelets', () => haar({ sizes: [3] })],
  ['a stride of 0', () => intensity({ stride: 0 })],
])('%s are refused', (_claim, make) => {
  expect(make).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
});
