/** Reading the files of a data set, where what is missing or cut short becomes a typed error that names it. */
import { readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { CorruptDataError, MissingDataError } from '@srmcmc/core';

const inflate = promisify(gunzip);

/** The bytes of a file, unpacked where its name ends in `.gz`. Throws MissingDataError, CorruptDataError. */
export async function readData(path: string): Promise<Uint8Array> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new MissingDataError(`${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
  if (!path.endsWith('.gz')) return plain(bytes);
  try {
    return plain(await inflate(bytes));
  } catch (cause) {
    throw new CorruptDataError(`${path} is not a whole gzip file (${messageOf(cause)}): download it again`, {
      cause,
    });
  }
}

/** A Uint8Array over a Buffer, whose own `slice` would not copy. */
export function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

/** What lies at a path; undefined where nothing does. */
export async function kindOf(path: string): Promise<'file' | 'folder' | undefined> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file';
  } catch {
    return undefined;
  }
}

/** The first of these paths that exists. */
export async function firstExisting(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if ((await kindOf(path)) !== undefined) return path;
  return undefined;
}

export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
