/** Where files are kept that took long to get. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { StorageError } from '@srmcmc/core';

/** `srmcmc` in the user's cache folder, $XDG_CACHE_HOME or ~/.cache. */
export function cacheFolder(): string {
  const cache = process.env['XDG_CACHE_HOME'];
  return join(cache === undefined || cache === '' ? join(homedir(), '.cache') : cache, 'srmcmc');
}

/** Runs `write`, and turns what the file system answers into a StorageError that names the path. */
export async function storing<T>(path: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StorageError(`cannot write ${path}: ${why}`, { cause });
  }
}
