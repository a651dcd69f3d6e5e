/** Schedules of what must not be negative. */
import { InvalidArgumentError, type Schedule, valueAt } from '@srmcmc/core';

/** The value of a schedule at an index. Throws InvalidArgumentError, with the name `field`, for a negative one. */
export function nonNegativeAt(schedule: Schedule, index: number, field: string): number {
  const value = valueAt(schedule, index, field);
  if (value < 0)
    throw new InvalidArgumentError(field, `must not be negative, got ${value} at index ${index}`);
  return value;
}
