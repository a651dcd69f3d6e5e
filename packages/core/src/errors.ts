/** Every error that `@srmcmc/*` throws on purpose: a stable `code`, and a message that says what to do. */
import { shown } from './shown.ts';

/** Base class. `code` is stable across versions; match on it rather than on the message. */
export class SrmcmcError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** An argument or a configuration field has a value that cannot be used. */
export class InvalidArgumentError extends SrmcmcError {
  /** The name of the argument or field, dotted for nested ones. */
  readonly field: string;

  constructor(field: string, problem: string, options?: ErrorOptions) {
    super('INVALID_ARGUMENT', `${field}: ${problem}`, options);
    this.field = field;
  }
}

/** A tensor or an image does not have the shape that is needed. */
export class InvalidShapeError extends SrmcmcError {
  constructor(
    field: string,
    expected: readonly (number | string)[],
    actual: readonly number[],
    remedy?: string,
  ) {
    const problem = `${field}: expected shape [${expected.join(', ')}], got [${actual.join(', ')}]`;
    super('INVALID_SHAPE', remedy === undefined ? problem : `${problem}: ${remedy}`);
  }
}

/** No TensorFlow.js backend is active. */
export class MissingBackendError extends SrmcmcError {
  constructor() {
    super(
      'MISSING_BACKEND',
      "no TensorFlow.js backend is active: import one, for example `import '@tensorflow/tfjs-backend-cpu'`, " +
        'or call selectBackend() of @srmcmc/backends',
    );
  }
}

/** A backend was asked for by name and cannot run here. */
export class BackendUnavailableError extends SrmcmcError {
  constructor(backend: string, why: string) {
    super('BACKEND_UNAVAILABLE', `backend '${backend}' is not available: ${why}`);
  }
}

/** Sampling or learning left the range of finite, sensible numbers. */
export class DivergedError extends SrmcmcError {
  constructor(message: string, options?: ErrorOptions) {
    super('DIVERGED', message, options);
  }
}

/** Work was ended by its AbortSignal before it was done. `cause` is the signal's reason. */
export class CancelledError extends SrmcmcError {
  constructor(options?: ErrorOptions) {
    super('CANCELLED', 'cancelled by its AbortSignal', options);
  }
}

/** A data set, or a file of it, is not where it was looked for. */
export class MissingDataError extends SrmcmcError {
  constructor(message: string, options?: ErrorOptions) {
    super('MISSING_DATA', message, options);
  }
}

/** A file of a data set is truncated, or is not what its name says. */
export class CorruptDataError extends SrmcmcError {
  constructor(message: string, options?: ErrorOptions) {
    super('CORRUPT_DATA', message, options);
  }
}

/** A file of weights is missing, or lacks tensors that the network needs. */
export class MissingWeightsError extends SrmcmcError {
  constructor(message: string, options?: ErrorOptions) {
    super('MISSING_WEIGHTS', message, options);
  }
}

/** A checkpoint is truncated, was altered, or was written by another program. */
export class CorruptCheckpointError extends SrmcmcError {
  constructor(message: string, options?: ErrorOptions) {
    super('CORRUPT_CHECKPOINT', message, options);
  }
}

/** A file could not be written: the disk is full, or the folder does not allow it. */
export class StorageError extends SrmcmcError {
  constructor(message: string, options?: ErrorOptions) {
    super('STORAGE', message, options);
  }
}

/** Throws InvalidArgumentError unless `value` is an integer of at least `minimum`, and at most `maximum` where given. */
export function requireInteger(
  field: string,
  value: number,
  minimum: number,
  maximum = Number.MAX_SAFE_INTEGER,
): void {
  if (value > maximum) throw new InvalidArgumentError(field, `must be at most ${maximum}, got ${value}`);
  if (!Number.isSafeInteger(value) || value < minimum) {
    throw new InvalidArgumentError(field, `must be an integer of at least ${minimum}, got ${shown(value)}`);
  }
}
