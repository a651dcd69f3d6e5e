/** Writing files of a run: whole or not at all, and with errors that say what to do. */
import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { storing } from '@srmcmc/checkpoint';

/** Writes a file under a temporary name, flushes it and renames it. Throws StorageError. */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
  await storing(path, async () => {
    try {
      await withFile(temporary, 'wx', async (file) => {
        await file.writeFile(content);
        await file.sync();
      });
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  });
}

async function withFile(
  path: string,
  flags: string,
  use: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const file = await open(path, flags);
  try {
    await use(file);
  } finally {
    await file.close();
  }
}
