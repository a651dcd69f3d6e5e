/** Reading and writing safetensors files in Node. */
import { randomUUID } from 'node:crypto';
import { lstat, open, realpath, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { SafetensorsError } from './errors.ts';
import { parse, type SafetensorsFile } from './parse.ts';
import { serializeInParts, type SafetensorsContent } from './serialize.ts';

/** Node reads and writes at most 2 GiB - 1 bytes in one call. */
const CHUNK_BYTES = 2 ** 30;

/**
 * Reads and parses a file. The tensors are views into one buffer that holds the whole file.
 *
 * @throws SafetensorsError as `parse` does, with the path in front; Node's own errors (`ENOENT`, ...) for the rest.
 */
export async function readFile(path: string): Promise<SafetensorsFile> {
  const bytes = await withFile(path, 'r', readAll);
  try {
    return parse(bytes);
  } catch (cause) {
    if (cause instanceof SafetensorsError) {
      throw new SafetensorsError(cause.code, `${path}: ${cause.message}`, { cause });
    }
    throw cause;
  }
}

/**
 * Writes a file so that whatever happens, even loss of power, `path` holds either what it held before or all of the
 * new content: the bytes go to a temporary name in the same folder, are flushed to the disk, and the file is renamed.
 *
 * @throws SafetensorsError as `serialize` does, before anything is written; Node's own errors (`ENOSPC`, ...), after
 * which `path` is untouched and the temporary file gone.
 */
export async function writeFileAtomic(path: string, content: SafetensorsContent): Promise<void> {
  await replaceFile(path, serializeInParts(content));
}

/**
 * `writeFileAtomic` for bytes of any kind, given in parts. Throws Node's own errors.
 */
export async function replaceFile(path: string, parts: readonly Uint8Array[]): Promise<void> {
  await replaceFileBy(path, async (append) => {
    for (const part of parts) await append(part);
  });
}

/**
 * Calls `write` with a function that appends bytes, after which `path` holds all of them, or what it held before where
 * anything fails. Of a symbolic link the file that it leads to is replaced. What is no file, such as a pipe or
 * `/dev/stdout`, gets the bytes one by one.
 *
 * @throws Node's own errors; whatever `write` throws.
 */
export async function replaceFileBy(
  path: string,
  write: (append: (bytes: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<void> {
  const place = await replaceablePlace(path);
  if (place === undefined) return withFile(path, 'a', (file) => write((bytes) => writeAll(file, bytes)));
  const temporary = join(dirname(place), `.${basename(place)}.${randomUUID()}.tmp`);
  try {
    await withFile(temporary, 'wx', async (file) => {
      await write((bytes) => writeAll(file, bytes));
      await file.sync();
    });
    await rename(temporary, place);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(place));
}

/** Files of the system's that stand for something else, even where they lead to a file. */
const STAND_INS = /^\/(dev|proc)\//;

/**
 * Where the file lies, or is to lie, whose place a new one takes when `path` is written; undefined where there is
 * something else.
 */
export async function replaceablePlace(path: string): Promise<string | undefined> {
  if (STAND_INS.test(resolve(path))) return undefined;
  const [own, found] = await Promise.all([lstat, stat].map((look) => look(path).catch(() => undefined)));
  if (found !== undefined && !found.isFile() && !found.isDirectory()) return undefined;
  return own?.isSymbolicLink() && found !== undefined ? realpath(path) : path;
}

async function withFile<T>(path: string, flags: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, flags);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

async function readAll(file: FileHandle): Promise<Uint8Array> {
  const { size } = await file.stat();
  const bytes = new Uint8Array(size);
  let length = 0;
  while (length < size) {
    const { bytesRead } = await file.read(bytes, length, Math.min(CHUNK_BYTES, size - length), length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return bytes.subarray(0, length);
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.byteLength;) {
    const { bytesWritten } = await file.write(
      bytes,
      offset,
      Math.min(CHUNK_BYTES, bytes.byteLength - offset),
    );
    offset += bytesWritten;
  }
}

/** Makes the rename durable. Windows has no such call and needs none. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  await withFile(folder, 'r', (handle) => handle.sync());
}
