/** The linear filters of FRAME: what a texture's local structure is seen through. */
import { InvalidArgumentError, requireInteger } from '@srmcmc/core';

/** A square filter for one channel. Every builder gives them a Euclidean norm of 1. */
export interface Filter {
  readonly name: string;
  /** Pixels a side. */
  readonly size: number;
  /** [size, size], row-major. */
  readonly values: Float32Array;
  /** Pixels between the positions that its responses are taken at. */
  readonly stride: number;
}

export interface GaborOptions {
  /** Pixels from wave to wave, at least 2. */
  readonly wavelengths: readonly number[];
  /** Directions of the wave, spread evenly over half a turn. Default: 4. */
  readonly orientations?: number;
  /** How much longer the envelope is along the stripes than across them. Default: 1. */
  readonly aspect?: number;
  /** Pixels between positions. Default: an eighth of the wavelength, rounded down, or 1. */
  readonly stride?: number;
}

/**
 * Pairs of even and odd Gabor filters: a wave under a Gaussian of standard deviation λ/2 across the stripes, cut off
 * where that has fallen to 2 standard deviations (Daugman 1985; Zhu, Wu and Mumford 1998, eq. 14). Their mean is 0.
 *
 * @throws InvalidArgumentError for options out of range.
 */
export function gabor({ wavelengths, orientations = 4, aspect = 1, stride }: GaborOptions): Filter[] {
  requireInteger('orientations', orientations, 1);
  requireAtLeast('wavelengths', wavelengths, 2);
  requireAtLeast('aspect', [aspect], 1);
  return wavelengths.flatMap((wavelength) =>
    directions(orientations).flatMap(({ degrees, across, along }) =>
      (['even', 'odd'] as const).map((phase) => {
        const deviation = wavelength / 2;
        const radius = Math.round(2 * deviation * aspect);
        return filter(
          `gabor λ${wavelength} ${degrees}° ${phase}`,
          2 * radius + 1,
          strideOf(stride, wavelength / 8),
          (x, y) => {
            const [u, v] = [across(x, y), along(x, y) / aspect];
            const wave = (2 * Math.PI * u) / wavelength;
            const envelope = Math.exp(-(u * u + v * v) / (2 * deviation ** 2));
            return envelope * (phase === 'even' ? Math.cos(wave) : Math.sin(wave));
          },
        );
      }),
    ),
  );
}

export interface GaussianDerivativeOptions {
  /** Standard deviations of the Gaussian, in pixels. Default: [1]. */
  readonly deviations?: readonly number[];
  /** 1 sees edges, 2 sees lines. Default: [1, 2]. */
  readonly orders?: readonly (1 | 2)[];
  /** Directions, spread evenly over half a turn. Default: 4. */
  readonly orientations?: number;
  /** Pixels between positions. Default: half the deviation, rounded down, or 1. */
  readonly stride?: number;
}

/** First and second derivatives of a Gaussian along directions (Freeman and Adelson 1991). Their mean is 0. */
export function gaussianDerivatives(options: GaussianDerivativeOptions = {}): Filter[] {
  const { deviations = [1], orders = [1, 2], orientations = 4, stride } = options;
  requireInteger('orientations', orientations, 1);
  requireAtLeast('deviations', deviations, 0.5);
  return deviations.flatMap((s) =>
    orders.flatMap((order) =>
      directions(orientations).map(({ degrees, across }) =>
        filter(
          `gaussian${'′'.repeat(order)} σ${s} ${degrees}°`,
          sizeOf(s),
          strideOf(stride, s / 2),
          (x, y) => {
            const u = across(x, y) / s;
            const bell = Math.exp(-(x * x + y * y) / (2 * s * s));
            return bell * (order === 1 ? -u : u * u - 1);
          },
        ),
      ),
    ),
  );
}

export interface LaplacianOptions {
  /** Standard deviations of the Gaussian, in pixels. Default: [1, 2]. */
  readonly deviations?: readonly number[];
  /** Pixels between positions. Default: half the deviation, rounded down, or 1. */
  readonly stride?: number;
}

/** Laplacians of Gaussians (Marr and Hildreth 1980), which see blobs: positive in the middle. Their mean is 0. */
export function laplacianOfGaussian({ deviations = [1, 2], stride }: LaplacianOptions = {}): Filter[] {
  requireAtLeast('deviations', deviations, 0.5);
  return deviations.map((s) =>
    filter(`laplacian σ${s}`, sizeOf(s), strideOf(stride, s / 2), (x, y) => {
      const squared = (x * x + y * y) / (2 * s * s);
      return (1 - squared) * Math.exp(-squared);
    }),
  );
}

export interface HaarOptions {
  /** Even sides in pixels. Default: [2, 4]. */
  readonly sizes?: readonly number[];
  /** Pixels between positions. Default: a quarter of the side, rounded down, or 1. */
  readonly stride?: number;
}

/**
 * Haar's three wavelets in the plane: left against right, above against below, and the two diagonals.
 *
 * @throws InvalidArgumentError for sizes that are odd.
 */
export function haar({ sizes = [2, 4], stride }: HaarOptions = {}): Filter[] {
  return sizes.flatMap((size) => {
    requireInteger('sizes', size, 2);
    if (size % 2 !== 0) throw new InvalidArgumentError('sizes', `must be even, got ${size}`);
    const wavelets = {
      across: (x: number) => -Math.sign(x),
      down: (_x: number, y: number) => -Math.sign(y),
      diagonal: (x: number, y: number) => Math.sign(x) * Math.sign(y),
    };
    return Object.entries(wavelets).map(([name, value]) =>
      filter(`haar ${size} ${name}`, size, strideOf(stride, size / 4), value),
    );
  });
}

/** The pixel itself: its marginal is the histogram of intensities. */
export function intensity({ stride = 1 }: { readonly stride?: number } = {}): Filter[] {
  requireInteger('stride', stride, 1);
  return [{ name: 'intensity', size: 1, values: Float32Array.of(1), stride }];
}

/** Coordinates across and along stripes at equal angles; 0° has its stripes upright. */
function directions(count: number) {
  return Array.from({ length: count }, (_, i) => {
    const angle = (Math.PI * i) / count;
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    return {
      degrees: Math.round((180 * i) / count),
      across: (x: number, y: number) => x * cos + y * sin,
      along: (x: number, y: number) => y * cos - x * sin,
    };
  });
}

/** `value` at the pixels about the centre, less its mean, scaled to a norm of 1. */
function filter(name: string, size: number, stride: number, value: (x: number, y: number) => number): Filter {
  const centre = (size - 1) / 2;
  const raw = Float64Array.from({ length: size * size }, (_, i) =>
    value((i % size) - centre, Math.floor(i / size) - centre),
  );
  const mean = raw.reduce((sum, each) => sum + each, 0) / raw.length;
  const norm = Math.hypot(...raw.map((each) => each - mean));
  return { name, size, stride, values: Float32Array.from(raw, (each) => (each - mean) / norm) };
}

/** Three standard deviations to either side. */
function sizeOf(deviation: number): number {
  return 2 * Math.ceil(3 * deviation) + 1;
}

function strideOf(given: number | undefined, otherwise: number): number {
  if (given !== undefined) requireInteger('stride', given, 1);
  return given ?? Math.max(1, Math.floor(otherwise));
}

function requireAtLeast(field: string, values: readonly number[], least: number): void {
  if (values.length === 0 || !values.every((value) => Number.isFinite(value) && value >= least)) {
    throw new InvalidArgumentError(field, `must be numbers of at least ${least}, got [${values.join(', ')}]`);
  }
}
