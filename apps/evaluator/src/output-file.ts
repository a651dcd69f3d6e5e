/** A file that is written bit by bit and appears under its name only when it is whole. */
import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rename, rm, statfs } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { storing } from '@srmcmc/checkpoint';
import { InvalidArgumentError } from '@srmcmc/core';

/**
 * Calls `write` with a function that appends bytes to a temporary file beside `path`, then flushes it and gives it its
 * name. Where anything fails, `path` keeps what it held before and the temporary file is removed.
 *
 * @throws StorageError when the disk is full or the folder cannot be written to; whatever `write` throws.
 */
export async function writeOutputFile(
  path: string,
  write: (append: (bytes: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
  try {
    const file = await storing(path, () => open(temporary, 'wx'));
    try {
      await write((bytes) => storing(path, () => writeAll(file, bytes)));
      await storing(path, () => file.sync());
    } finally {
      await file.close();
    }
    await storing(path, () => rename(temporary, path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
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

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.byteLength;) {
    offset += (await file.write(bytes, offset)).bytesWritten;
  }
}
