/** Data as numbered examples, and seeded, resumable batches of them. */
import { permutation } from './draws.ts';
import { InvalidArgumentError, requireInteger } from './errors.ts';
import { foldIn, type Key } from './key.ts';

/** Examples 0 .. size - 1. Images are decoded bytes, [height, width, channels]; points are floats, [dimension]. */
export interface Dataset {
  readonly name: string;
  /** Shape of one example. */
  readonly shape: readonly number[];
  readonly size: number;
  readonly dtype: 'uint8' | 'float32';
  /** The examples with these numbers, one after another. */
  gather(indices: ArrayLike<number>): Promise<Uint8Array | Float32Array>;
  /** Class numbers, where the data set has them. */
  readonly labels?: Uint8Array;
}

export interface Batch {
  /** `indices.length` examples, one after another. */
  readonly values: Uint8Array | Float32Array;
  /** The examples' numbers in the data set. */
  readonly indices: Uint32Array;
}

export interface BatchOptions {
  readonly batchSize: number;
  /** Decides the order, which is new every epoch. */
  readonly key: Key;
  /** The number of the first batch: a resumed run goes on where it stopped. */
  readonly start?: number;
}

/**
 * Endless shuffled batches. Batch b is a pure function of (key, b): each epoch is a fresh permutation, and what
 * does not fill a batch at its end is left out. The next batch is fetched while the caller works on this one.
 *
 * @throws InvalidArgumentError when the data set is smaller than a batch.
 */
export async function* batches(dataset: Dataset, options: BatchOptions): AsyncGenerator<Batch, never, void> {
  const { batchSize, key, start = 0 } = options;
  requireInteger('batchSize', batchSize, 1);
  requireInteger('start', start, 0);
  const perEpoch = Math.floor(dataset.size / batchSize);
  if (perEpoch === 0) {
    throw new InvalidArgumentError(
      'batchSize',
      `is ${batchSize}, but ${dataset.name} has ${dataset.size} examples`,
    );
  }
  let epoch = -1;
  let order = new Uint32Array();
  const fetch = async (number: number): Promise<Batch> => {
    const wanted = Math.floor(number / perEpoch);
    if (wanted !== epoch) {
      epoch = wanted;
      order = permutation(foldIn(key, epoch), dataset.size) as Uint32Array<ArrayBuffer>;
    }
    const offset = (number % perEpoch) * batchSize;
    const indices = order.slice(offset, offset + batchSize);
    return { values: await dataset.gather(indices), indices };
  };
  let next = fetch(start);
  for (let number = start; ; number++) {
    const batch = await next;
    next = fetch(number + 1);
    // A failure of the batch fetched ahead is reported when it is asked for, not as an unhandled rejection.
    next.catch(() => undefined);
    yield batch;
  }
}
