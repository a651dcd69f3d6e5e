/** The numbers by which two sets of examples are compared. */
import { COARSE_SIDE } from './example-moments.ts';
import type { Summary } from './summary.ts';

const LARGEST_EIGENVALUES = 5;
const COLOURS = ['red', 'green', 'blue'];
const COARSE = `${COARSE_SIDE}×${COARSE_SIDE}`;

export interface NamedValue {
  readonly name: string;
  readonly value: number;
}

/** Means, standard deviations, and the largest eigenvalues of the covariance (of images: averaged down to 4×4 cells). */
export function statistics({ mean, covariance, eigenvalues, images }: Summary): NamedValue[] {
  const dimension = mean.length;
  const variances = Array.from(mean, (_, i) => covariance[i * dimension + i]!);
  const deviations = variances.map(Math.sqrt);
  const largest = Array.from(eigenvalues.subarray(0, LARGEST_EIGENVALUES));
  if (images === undefined) {
    return [
      ...numbered('mean, coordinate', mean),
      ...numbered('standard deviation, coordinate', deviations),
      ...numbered('covariance, eigenvalue', largest),
    ];
  }
  return [
    { name: 'pixel mean', value: average(mean) },
    ...byChannel('pixel mean', mean),
    { name: 'pixel standard deviation', value: Math.sqrt(average(variances)) },
    ...byChannel('pixel standard deviation', deviations),
    { name: 'fraction outside [-1, 1]', value: images.outside },
    ...numbered(`${COARSE} covariance, eigenvalue`, largest),
  ];
}

/**
 * Distances between two sets. All of them are positive even between two sets from one distribution, and shrink with
 * the number of examples: only a distance between data and as many other data says what is large.
 */
export function distances(a: Summary, b: Summary): NamedValue[] {
  const eigenvalues = euclidean(a.eigenvalues, b.eigenvalues);
  if (a.images === undefined || b.images === undefined) {
    return [
      { name: 'mean, distance', value: euclidean(a.mean, b.mean) },
      { name: 'covariance, Frobenius distance', value: euclidean(a.covariance, b.covariance) },
      { name: 'eigenvalues, distance', value: eigenvalues },
    ];
  }
  const pixels = a.images.mean.length;
  return [
    {
      name: 'mean image, RMS difference',
      value: euclidean(a.images.mean, b.images.mean) / Math.sqrt(pixels),
    },
    { name: 'pixel covariance, Frobenius distance', value: euclidean(a.covariance, b.covariance) },
    {
      name: `${COARSE} covariance, Frobenius distance`,
      value: euclidean(a.coarseCovariance, b.coarseCovariance),
    },
    { name: `${COARSE} eigenvalues, distance`, value: eigenvalues },
    { name: 'power spectrum, RMS log10 ratio', value: rmsLogRatio(a.images.power, b.images.power) },
  ];
}

/** The mean power at frequencies 1, 2, ... cycles per image side; empty for points. */
export function powerSpectrum({ images }: Summary): NamedValue[] {
  return numbered('power, frequency', images?.power ?? []);
}

function numbered(name: string, values: ArrayLike<number>): NamedValue[] {
  return Array.from(values, (value, i) => ({ name: `${name} ${i + 1}`, value }));
}

/** Nothing for grey images, whose one channel says no more than the overall value. */
function byChannel(name: string, values: ArrayLike<number>): NamedValue[] {
  if (values.length === 1) return [];
  if (values.length !== COLOURS.length) return numbered(`${name}, channel`, values);
  return COLOURS.map((colour, i) => ({ name: `${name}, ${colour}`, value: values[i]! }));
}

function average(numbers: ArrayLike<number>): number {
  return Array.from(numbers).reduce((sum, number) => sum + number, 0) / numbers.length;
}

function euclidean(a: Float64Array, b: Float64Array): number {
  return Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0));
}

function rmsLogRatio(a: Float64Array, b: Float64Array): number {
  return Math.sqrt(a.reduce((sum, value, i) => sum + Math.log10(value / b[i]!) ** 2, 0) / a.length);
}
