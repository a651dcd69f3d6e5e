/** Writing files of a run: whole or not at all, and with errors that say what to do. */
import { storing } from '@srmcmc/checkpoint';
import { replaceFile } from '@srmcmc/safetensors/node';

/** Writes a file under a temporary name, flushes it and renames it. Throws StorageError. */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  await storing(path, () => replaceFile(path, [bytes]));
}
