/** Whether a file can be written, asked before the work whose results it is for. */
import { randomUUID } from 'node:crypto';
import { open, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { replaceablePlace } from '@srmcmc/safetensors/node';
import { storing } from './errors.ts';

/**
 * Tries to make a file beside `path`, and removes it: what writing `path` under a temporary name would find.
 *
 * @throws StorageError where it would fail but for a full disk.
 */
export async function requireWritable(path: string): Promise<void> {
  await storing(path, async () => {
    const found = await stat(path).catch(() => undefined);
    // The file system refuses in its own words to write to a folder.
    if (found?.isDirectory()) await (await open(path, 'r+')).close();
    const place = await replaceablePlace(path);
    if (place === undefined) return;
    const probe = join(dirname(place), `.${basename(place)}.${randomUUID()}.tmp`);
    await (await open(probe, 'wx')).close();
    await rm(probe, { force: true });
  });
}
