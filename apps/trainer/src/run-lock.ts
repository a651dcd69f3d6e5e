/** One process at a time in a run's folder: two would write their metrics into one another. */
import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { storing } from '@srmcmc/checkpoint';
import { InvalidArgumentError, type StorageError } from '@srmcmc/core';
import type { RunFolder } from './run-folder.ts';

interface Owner {
  readonly pid: number;
  readonly host: string;
}

const self: Owner = { pid: process.pid, host: hostname() };
/** The locks of this very process. Another that bears its number was left by a process before it. */
const held = new Set<string>();

/**
 * Takes the run for this process; the function it gives lets go. The lock of a process of this machine that is gone,
 * killed perhaps, is taken over.
 *
 * @throws InvalidArgumentError when another process is at the run; StorageError.
 */
export async function lockRun(folder: RunFolder): Promise<() => Promise<void>> {
  const path = resolve(folder.path, 'lock.json');
  if (held.has(path)) throw busyError(folder, path, self);
  held.add(path);
  try {
    await takeOver(folder, path);
  } catch (error) {
    held.delete(path);
    throw error;
  }
  return async () => {
    await rm(path, { force: true });
    held.delete(path);
  };
}

async function takeOver(folder: RunFolder, path: string): Promise<void> {
  if (await take(path)) return;
  const found = await textOf(path);
  const owner = ownerIn(found);
  if (owner !== undefined && isAlive(owner)) throw busyError(folder, path, owner);
  await removeStale(path, found);
  if (!(await take(path))) throw busyError(folder, path, ownerIn(await textOf(path)));
}

/** Whether there was no lock, and there is now one of this process. */
async function take(path: string): Promise<boolean> {
  try {
    await storing(path, () => writeFile(path, JSON.stringify(self), { flag: 'wx' }));
    return true;
  } catch (error) {
    const { code } = ((error as StorageError).cause ?? {}) as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the lock if it still says `stale`; another process may have taken the run over in the meantime. */
async function removeStale(path: string, stale: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
    if ((await textOf(aside)) !== stale) await link(aside, path);
  } catch (error) {
    // Gone, or there again: the next attempt to take it tells.
    if (!['ENOENT', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  await rm(aside, { force: true });
}

function busyError(folder: RunFolder, path: string, owner: Owner | undefined): InvalidArgumentError {
  const who = owner === undefined ? 'another process' : `process ${owner.pid} on ${owner.host}`;
  return new InvalidArgumentError(
    'resume',
    `${folder.path} is being trained by ${who}: stop that one first, or delete ${path} if it is gone`,
  );
}

async function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

/** Undefined for a lock that was not written whole. */
function ownerIn(text: string): Owner | undefined {
  try {
    return JSON.parse(text) as Owner;
  } catch {
    return undefined;
  }
}

/** Whether the process may still run; of another machine nothing can be known. */
function isAlive({ pid, host }: Owner): boolean {
  if (host !== self.host) return true;
  if (pid === self.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
