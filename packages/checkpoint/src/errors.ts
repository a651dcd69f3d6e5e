/** Errors of checkpoints beside those of `@srmcmc/core`, and files that could not be written. */
import { SrmcmcError, StorageError } from '@srmcmc/core';

/** A checkpoint has a version that this program does not read. */
export class CheckpointVersionError extends SrmcmcError {
  constructor(message: string) {
    super('CHECKPOINT_VERSION', message);
  }
}

const PROBLEMS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full: free some space',
  EDQUOT: 'the disk quota is used up: free some space',
  EACCES: 'permission denied: choose a folder that you may write to',
  EPERM: 'permission denied: choose a folder that you may write to',
  EROFS: 'the file system is read-only: choose another folder',
  ENOTDIR: 'a part of the path is a file, not a folder: choose another folder',
  EEXIST: 'something else has that name: choose another folder',
  ENOENT: 'the folder does not exist',
  EISDIR: 'there is a folder of that name',
  EFBIG: 'the file would be larger than the file system allows',
  EIO: 'the disk reports an error',
};

/**
 * Runs `write`, and turns what the file system answers into a StorageError that names the path and says what to do.
 *
 * @throws StorageError for an error of the file system; any other error as it is.
 */
export async function storing<T>(path: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (cause) {
    throw asStorageError(path, cause);
  }
}

function asStorageError(path: string, cause: unknown): unknown {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  if (!(cause instanceof Error) || code === undefined || !/^E[A-Z]+$/.test(code)) return cause;
  return new StorageError(`cannot write ${path}: ${PROBLEMS[code] ?? cause.message}`, { cause });
}
