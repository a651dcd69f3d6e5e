/** Random keys as plain data: split them, fold numbers into them, never share or mutate them. */
import { InvalidArgumentError, requireInteger } from './errors.ts';
import { philox4x32 } from './philox.ts';
import { shown } from './shown.ts';

/**
 * The source of every draw. Chain i drawn under a key is chain `firstChain + i` of its stream, so that any
 * slice of a batch can be drawn alone: `fromChain(key, 17)` makes chain 17 the first.
 */
export interface Key {
  /** Two unsigned 32-bit words. */
  readonly words: readonly [number, number];
  readonly firstChain: number;
}

/** The fourth counter word, which keeps draws of different kinds under one key apart. */
export const Stream = { normal: 0, uniform: 1, split: 2, fold: 3, permutation: 4 } as const;

const TWO_32 = 2 ** 32;

/** A key from a seed, any non-negative safe integer. Throws InvalidArgumentError for another number. */
export function key(seed: number): Key {
  requireInteger('seed', seed, 0);
  return { words: [seed % TWO_32, Math.floor(seed / TWO_32)], firstChain: 0 };
}

/** Throws InvalidArgumentError for what is no key, such as a seed. */
export function requireKey(given: Key): void {
  if ((given as Key | null | undefined)?.words !== undefined) return;
  throw new InvalidArgumentError('key', `must be a Key, got ${shown(given)}: use key(seed)`);
}

/** `count` keys whose streams are independent of one another and of the key they come from. */
export function split(parent: Key, count = 2): Key[] {
  requireInteger('count', count, 1);
  return Array.from({ length: count }, (_, i) => derive(parent, i, 0, Stream.split));
}

/** The key for item `data` (an epoch, an iteration, a worker): a pure function of both. */
export function foldIn(parent: Key, data: number): Key {
  requireInteger('data', data, 0);
  return derive(parent, data % TWO_32, Math.floor(data / TWO_32), Stream.fold);
}

/** The same stream, begun at chain `first` of the given key. */
export function fromChain(parent: Key, first: number): Key {
  requireKey(parent);
  requireInteger('first', first, 0);
  const firstChain = parent.firstChain + first;
  if (firstChain >= TWO_32)
    throw new InvalidArgumentError('first', `chains are numbered below 2^32, got ${firstChain}`);
  return { words: parent.words, firstChain };
}

function derive(parent: Key, low: number, high: number, stream: number): Key {
  requireKey(parent);
  const { words, firstChain } = parent;
  const block = new Uint32Array(4);
  philox4x32(low, high, 0, stream, words[0], words[1], block);
  return { words: [block[0]!, block[1]!], firstChain };
}
