/** The toys, by the names that `openDataset` knows them by. */
import { checkerboard } from './checkerboard.ts';
import { gaussianRing, mixture1d, mixture2d } from './mixture.ts';
import { moons } from './moons.ts';
import { pinwheel } from './pinwheel.ts';
import { rings } from './rings.ts';
import type { Toy } from './toy.ts';

/** Each as it is without options. */
export const toys: Readonly<Record<string, () => Toy>> = {
  mixture1d,
  mixture2d,
  'gaussian-ring': gaussianRing,
  rings,
  checkerboard,
  moons,
  pinwheel,
};
