/** One process at a time in a run's folder: two would write their metrics into one another. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { storing } from '@srmcmc/checkpoint';
import { InvalidArgumentError, type StorageError } from '@srmcmc/core';
import { displayName, type RunFolder } from './run-folder.ts';

interface Owner {
  readonly pid: number;
  readonly host: string;
}

/**
 * Takes the run for this process; the function it gives lets go. The lock of a process of this machine that is gone,
 * killed perhaps, is taken over.
 *
 * @throws InvalidArgumentError when another process is at the run; StorageError.
 */
export async function lockRun(folder: RunFolder): Promise<() => Promise<void>> {
  const path = join(folder.path, 'lock.json');
  const self: Owner = { pid: process.pid, host: hostname() };
  const take = (): Promise<void> =>
    storing(path, () => writeFile(path, JSON.stringify(self), { flag: 'wx' }));
  try {
    await take();
  } catch (error) {
    const { code } = ((error as StorageError).cause ?? {}) as NodeJS.ErrnoException;
    if (code !== 'EEXIST') throw error;
    const owner = await ownerOf(path);
    if (owner !== undefined && isAlive(owner)) {
      throw new InvalidArgumentError(
        'resume',
        `${displayName(folder)} is being trained by process ${owner.pid} on ${owner.host}: stop that one first, ` +
          `or delete ${path} if it is gone`,
      );
    }
    await rm(path, { force: true });
    await take();
  }
  return () => rm(path, { force: true });
}

/** Undefined for a lock that was not written whole. */
async function ownerOf(path: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Owner;
  } catch {
    return undefined;
  }
}

/** Whether the process may still run; of another machine nothing can be known. */
function isAlive({ pid, host }: Owner): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
