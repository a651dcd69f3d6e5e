/** What can be wrong with features, images and results that are compared. */
import { SrmcmcError } from '@srmcmc/core';

/** There are fewer examples than the measure is defined for. */
export class TooFewExamplesError extends SrmcmcError {
  readonly needed: number;
  readonly count: number;

  constructor(field: string, needed: number, count: number, why: string) {
    super('TOO_FEW_EXAMPLES', `${field}: ${count} examples, but ${needed} or more are needed: ${why}`);
    this.needed = needed;
    this.count = count;
  }
}

/** Examples that are all equal, or features that do not vary, where a measure divides by their spread. */
export class ConstantFeaturesError extends SrmcmcError {
  constructor(field: string, why: string) {
    super('CONSTANT_FEATURES', `${field}: ${why}`);
  }
}

/** Results that were computed in different ways, or on different data. */
export class IncomparableError extends SrmcmcError {
  /** What differs: 'computedWith.features: pixels-8x8x3, inception-v3-2048'. */
  readonly differences: readonly string[];

  constructor(what: string, differences: readonly string[]) {
    super('INCOMPARABLE', `${what} cannot be compared, for they differ in ${differences.join('; ')}`);
    this.differences = differences;
  }
}

/** A file of statistics is damaged, or holds something else. */
export class CorruptStatisticsError extends SrmcmcError {
  constructor(path: string, problem: string, options?: ErrorOptions) {
    super('CORRUPT_STATISTICS', `${path}: ${problem}`, options);
  }
}
