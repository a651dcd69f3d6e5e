/** Whether samples are copies: how near training images are to them, and to each other. */
import type { Context } from '../context.ts';
import { imagesOf } from '../image-set.ts';
import type { Training } from '../subjects.ts';
import { type NearImage, nearestImages } from './nearest-images.ts';

export interface Memorisation {
  /** The training set. */
  readonly name: string;
  readonly count: number;
  /** For each set of samples, for each of its samples, the nearest training images, nearest first. */
  readonly ofSamples: readonly (readonly (readonly NearImage[])[])[];
  /** Distances of training images to the nearest other one: what no copying looks like. */
  readonly ofTraining: readonly number[];
}

/** Neighbours that are shown of a sample. */
const NEIGHBOURS = 5;
/** Training images whose distances to others are measured. */
const BASELINE = 256;

/** @param samples Sets of bytes [n, ...image]. */
export async function memorisation(
  context: Context,
  samples: readonly Uint8Array[],
  { name, images: training, choose }: Training,
): Promise<Memorisation> {
  const stride = training.shape.reduce((product, size) => product * size, 1);
  const baseline = await imagesOf(await choose(BASELINE));
  const points = Buffer.concat([...samples, ...baseline]);
  const nearest = await nearestImages(context, points, training, NEIGHBOURS);
  let first = 0;
  const ofSamples = samples.map(({ length }) => nearest.slice(first, (first += length / stride)));
  // The nearest of all is the image itself.
  const ofTraining = nearest
    .slice(first)
    .flatMap(([, other]) => (other === undefined ? [] : [other.distance]));
  return { name, count: training.count, ofSamples, ofTraining };
}

/** Of half of the values at most. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}
