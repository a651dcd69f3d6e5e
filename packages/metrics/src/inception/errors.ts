/** What can go wrong with a file of weights, or with what the network makes of an image. */
import { SrmcmcError } from '@srmcmc/core';

/** A file of weights is truncated, is in no known format, or is of another network. */
export class CorruptWeightsError extends SrmcmcError {
  constructor(message: string, options?: ErrorOptions) {
    super('CORRUPT_WEIGHTS', message, options);
  }
}

/** A file of weights does not have the SHA-256 that was asked for. */
export class WeightsHashError extends SrmcmcError {
  readonly expected: string;
  readonly actual: string;

  constructor(file: string, expected: string, actual: string, remedy: string) {
    super('WEIGHTS_HASH', `${file} has the SHA-256 ${actual}, but ${expected} was expected: ${remedy}`);
    this.expected = expected;
    this.actual = actual;
  }
}

/** A file of weights could not be downloaded. */
export class DownloadError extends SrmcmcError {
  constructor(message: string, options?: ErrorOptions) {
    super('DOWNLOAD', message, options);
  }
}

/** A feature is NaN or infinite. */
export class NonFiniteFeaturesError extends SrmcmcError {
  /** The number of the first such image, counted from the first that was given. */
  readonly image: number;

  constructor(image: number, feature: string | number) {
    super(
      'NON_FINITE_FEATURES',
      `feature ${feature} of image ${image} is not finite: look for NaN in the image, or in the weights`,
    );
    this.image = image;
  }
}
