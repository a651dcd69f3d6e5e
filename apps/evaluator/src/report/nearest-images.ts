/** The images of a data set that are nearest to some samples: whether a generator copies what it learned from. */
import { nearestNeighbours } from '@srmcmc/metrics';
import type { Context } from '../context.ts';
import type { ImageSet } from '../image-set.ts';
import { progress } from '../progress.ts';

export interface NearImage {
  /** Root mean square of the difference over pixels and channels, in grey levels of 255. */
  readonly distance: number;
  /** Bytes, as large as a sample. */
  readonly pixels: Uint8Array;
}

/** Images that are compared at once, in memory that does not grow with the data set. */
const BLOCK = 2048;

/**
 * For each of the points, bytes [n, ...image], the k images of `among` that are nearest in their pixels, nearest first.
 * All of the data are looked at.
 *
 * @throws the signal's reason when it is aborted; what reading the images throws.
 */
export async function nearestImages(
  context: Context,
  points: Uint8Array,
  among: ImageSet,
  k: number,
): Promise<NearImage[][]> {
  const dimension = among.shape.reduce((product, size) => product * size, 1);
  const nearest: NearImage[][] = Array.from({ length: points.length / dimension }, () => []);
  const look = async (images: Uint8Array): Promise<void> => {
    const count = images.length / dimension;
    const { indices, distances } = await nearestNeighbours(
      { values: points, dimension },
      { values: images, dimension },
      { k: Math.min(k, count), signal: context.signal },
    );
    const each = Math.min(k, count);
    for (const [point, before] of nearest.entries()) {
      for (let i = point * each; i < (point + 1) * each; i++) {
        const distance = distances[i]! / Math.sqrt(dimension);
        if (before.length === k && distance >= before.at(-1)!.distance) break;
        const pixels = images.slice(indices[i]! * dimension, (indices[i]! + 1) * dimension);
        // Of equally near ones, those that were found first stay first.
        const place = before.findIndex((other) => other.distance > distance);
        before.splice(place < 0 ? before.length : place, 0, { distance, pixels });
        before.length = Math.min(before.length, k);
      }
    }
  };
  const line = progress(context.stderr, 'images to look for neighbours in', among.count);
  try {
    let waiting: Uint8Array[] = [];
    let held = 0;
    for await (const { values } of among.batches(line.at)) {
      waiting.push(values as Uint8Array);
      held += values.length / dimension;
      if (held < BLOCK) continue;
      await look(Buffer.concat(waiting));
      [waiting, held] = [[], 0];
    }
    if (held > 0) await look(Buffer.concat(waiting));
  } finally {
    line.end();
  }
  return nearest;
}
