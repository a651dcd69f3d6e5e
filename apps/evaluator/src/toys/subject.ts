/** A toy density that a model learned, by its name. */
import { InvalidArgumentError, InvalidShapeError } from '@srmcmc/core';
import { type Toy, toys } from '@srmcmc/datasets';
import type { Model } from '../model.ts';

/** Undefined where there is none of that name. */
export function toyNamed(name: string): Toy | undefined {
  return Object.hasOwn(toys, name) ? toys[name]!() : undefined;
}

/**
 * The toy that a model learned: the one of that name, or else as its run says; `flag` is what names it to the user.
 *
 * @throws InvalidArgumentError for none, InvalidShapeError for one of another dimension.
 */
export function toyLearnedBy({ path, config, energy }: Model, flag: string, named?: string): Toy {
  const name = named ?? config.data;
  const toy = typeof name === 'string' ? toyNamed(name) : undefined;
  if (toy === undefined) {
    throw new InvalidArgumentError(
      flag,
      `must be the toy that was learned, one of ${toyNames()}; got ${String(name)}`,
    );
  }
  if (energy.eventShape.join() !== toy.shape.join()) {
    throw new InvalidShapeError(path, toy.shape, energy.eventShape);
  }
  return toy;
}

export function toyNames(): string {
  return Object.keys(toys).join(', ');
}
