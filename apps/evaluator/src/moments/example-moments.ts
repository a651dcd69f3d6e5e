/** What is kept of a set of examples: sums whose size does not depend on how many examples there are. */
import { elements } from '@srmcmc/core';
import { Comoments, RunningMean } from './comoments.ts';
import { type ImageShape, radialPowerSpectrum, type RadialPowerSpectrum } from '@srmcmc/metrics';

/** Images are averaged down to this many cells a side, so that a covariance matrix of whole images stays small. */
export const COARSE_SIDE = 4;

export interface ImageMoments {
  /** Of the images averaged down to COARSE_SIDE × COARSE_SIDE × channels. */
  readonly coarse: Comoments;
  /** Of whole images, [height · width · channels]. */
  readonly image: RunningMean;
  /** Of the radially averaged power spectrum. */
  readonly power: RunningMean;
  /** Of the fraction of values outside [-1, 1], [1]. */
  readonly outside: RunningMean;
}

export interface ExampleMoments {
  /** Of the colours of all pixels [channels], or of points [dimension]. */
  readonly values: Comoments;
  /** Absent for points. */
  readonly images?: ImageMoments;
}

/** Collects moments of examples of one shape: [height, width, channels] or [dimension]. */
export interface MomentCollector {
  /** Frequencies of the power spectrum; empty for points. */
  readonly frequencies: readonly number[];
  empty(): ExampleMoments;
  add(moments: ExampleMoments, example: ArrayLike<number>): void;
}

export function momentCollector(shape: readonly number[]): MomentCollector {
  return shape.length === 3 ? imageCollector(shape as ImageShape) : pointCollector(elements(shape));
}

/** Adds all that was seen by `other`. */
export function mergeMoments(moments: ExampleMoments, other: ExampleMoments): void {
  moments.values.merge(other.values);
  const { images } = moments;
  if (images === undefined || other.images === undefined) return;
  images.coarse.merge(other.images.coarse);
  images.image.merge(other.images.image);
  images.power.merge(other.images.power);
  images.outside.merge(other.images.outside);
}

function pointCollector(dimension: number): MomentCollector {
  return {
    frequencies: [],
    empty: () => ({ values: new Comoments(dimension) }),
    add: ({ values }, example) => values.add(example),
  };
}

function imageCollector(shape: ImageShape): MomentCollector {
  const [height, width, channels] = shape;
  const spectrum: RadialPowerSpectrum = radialPowerSpectrum(shape);
  const size = elements(shape);
  return {
    frequencies: spectrum.frequencies,
    empty: () => ({
      values: new Comoments(channels),
      images: {
        coarse: new Comoments(Math.min(height, COARSE_SIDE) * Math.min(width, COARSE_SIDE) * channels),
        image: new RunningMean(size),
        power: new RunningMean(spectrum.frequencies.length),
        outside: new RunningMean(1),
      },
    }),
    add: ({ values, images }, example) => {
      for (let offset = 0; offset < size; offset += channels) values.add(example, offset);
      const { coarse, image, power, outside } = images!;
      coarse.add(averagedDown(example, shape));
      image.add(example);
      power.add(spectrum.of(example));
      outside.add([fractionOutside(example, size)]);
    },
  };
}

/** Means over a grid of at most COARSE_SIDE × COARSE_SIDE cells; a side it does not divide gets cells of two sizes. */
function averagedDown(image: ArrayLike<number>, [height, width, channels]: ImageShape): Float64Array {
  const rows = Math.min(height, COARSE_SIDE);
  const columns = Math.min(width, COARSE_SIDE);
  const sums = new Float64Array(rows * columns * channels);
  const counts = new Float64Array(sums.length);
  for (let y = 0; y < height; y++) {
    const row = Math.floor((y * rows) / height);
    for (let x = 0; x < width; x++) {
      const cell = row * columns + Math.floor((x * columns) / width);
      for (let channel = 0; channel < channels; channel++) {
        sums[cell * channels + channel]! += image[(y * width + x) * channels + channel]!;
        counts[cell * channels + channel]! += 1;
      }
    }
  }
  return sums.map((sum, i) => sum / counts[i]!);
}

function fractionOutside(image: ArrayLike<number>, size: number): number {
  let outside = 0;
  for (let i = 0; i < size; i++) if (Math.abs(image[i]!) > 1) outside += 1;
  return outside / size;
}
