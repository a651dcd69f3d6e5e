/** Hyper-parameters that change with the step or the iteration: a number, or a function of its index. */
import { InvalidArgumentError, requireInteger } from './errors.ts';
import { shown } from './shown.ts';

/** A constant, or the value at index 0, 1, 2, ... */
export type Schedule = number | ((index: number) => number);

/**
 * The value of a schedule at an index.
 *
 * @throws InvalidArgumentError, with the name `field`, when it is not a finite number.
 */
export function valueAt(schedule: Schedule, index: number, field = 'schedule'): number {
  const value = typeof schedule === 'function' ? schedule(index) : schedule;
  if (!Number.isFinite(value)) {
    throw new InvalidArgumentError(field, `must be a finite number, got ${shown(value)} at index ${index}`);
  }
  return value;
}

/** The same of what must not be negative. @throws InvalidArgumentError for a negative value, too. */
export function nonNegativeAt(schedule: Schedule, step: number, field: string): number {
  const value = valueAt(schedule, step, field);
  if (value < 0) throw new InvalidArgumentError(field, `must not be negative, got ${value} at step ${step}`);
  return value;
}

/** The same of what must be positive. @throws InvalidArgumentError for 0 and negative values, too. */
export function positiveAt(schedule: Schedule, step: number, field: string): number {
  const value = valueAt(schedule, step, field);
  if (!(value > 0)) throw new InvalidArgumentError(field, `must be positive, got ${value} at step ${step}`);
  return value;
}

/** From `first` to `last` in a straight line over `length` indices, constant afterwards. */
export function linear(first: number, last: number, length: number): Schedule {
  requireInteger('length', length, 1);
  return (index) => (index >= length ? last : first + ((last - first) * index) / length);
}

/** `initial` · `factor`^(index / every): the usual annealing of a learning rate or a noise level. */
export function exponential(initial: number, factor: number, every: number): Schedule {
  return (index) => initial * factor ** (index / every);
}

/** Constant pieces: `values[i]` until index `boundaries[i]`, the last value afterwards. */
export function piecewise(boundaries: readonly number[], values: readonly number[]): Schedule {
  if (values.length !== boundaries.length + 1) {
    throw new InvalidArgumentError(
      'values',
      `must hold one more entry than boundaries (${boundaries.length})`,
    );
  }
  return (index) => {
    const piece = boundaries.findIndex((boundary) => index < boundary);
    return values[piece === -1 ? boundaries.length : piece]!;
  };
}
