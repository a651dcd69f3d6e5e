/** A file that is written bit by bit and appears under its name only when it is whole. */
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { storing } from '@srmcmc/checkpoint';
import { InvalidArgumentError } from '@srmcmc/core';
import { replaceFileBy } from '@srmcmc/safetensors/node';

/**
 * Calls `write` with a function that appends bytes; see `replaceFileBy`.
 *
 * @throws StorageError when the disk is full or the folder cannot be written to; whatever `write` throws.
 */
export async function writeOutputFile(
  path: string,
  write: (append: (bytes: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<void> {
  await storing(path, () => replaceFileBy(path, write));
}

const GIGABYTE = 1e9;

/**
 * @throws InvalidArgumentError that says what the most is, where so many items of so many bytes are more than what is
 * free on the disk of `path`. A disk without room for one is full, which writing says.
 */
export async function requireSpace(path: string, count: number, itemBytes: number): Promise<void> {
  const { bavail, bsize } = await storing(path, () => statfs(dirname(path)));
  const free = bavail * bsize;
  const most = Math.floor(free / itemBytes);
  if (count <= most || most === 0) return;
  const room = `${Number((free / GIGABYTE).toPrecision(3))} GB`;
  throw new InvalidArgumentError(
    'count',
    `must be at most ${most}, for ${path} has ${room} of room, got ${count}`,
  );
}
