/** A file of text that appears under its name only when it is whole. */
import { randomUUID } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { StorageError } from '@srmcmc/core';

/** @throws StorageError when the disk is full or the folder cannot be written to. */
export async function writeOutputFile(path: string, content: string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
  try {
    await writeFile(temporary, content, { flag: 'wx', flush: true });
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const problem = missing ? 'the folder does not exist' : (cause as Error).message;
    throw new StorageError(`cannot write ${path}: ${problem}`, { cause });
  }
}
