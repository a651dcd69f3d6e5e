/** Reads chosen files out of a tar archive, packed or not, without unpacking it to disk. */
import { basename } from 'node:path';
import { CorruptDataError, MissingDataError } from '@srmcmc/core';
import { list, type ReadEntry } from 'tar';
import { messageOf } from './files.ts';

/** Far above any file of a known data set, far below what would exhaust memory. */
const LARGEST_FILE = 256 * 2 ** 20;

/**
 * Streams an archive once and hands over each wanted file as soon as it is complete. A file is wanted under any
 * of its alternative base names, whatever folder it lies in.
 *
 * @throws MissingDataError where a wanted file is not in the archive, CorruptDataError where the archive is cut
 * short; what `deliver` throws is passed on.
 */
export async function readArchive(
  path: string,
  wanted: readonly (readonly string[])[],
  deliver: (name: string, bytes: Uint8Array) => void,
): Promise<void> {
  const missing = new Set(wanted);
  let failure: unknown;
  const onReadEntry = (entry: ReadEntry): void => {
    const name = basename(entry.path);
    const match = [...missing].find((alternatives) => alternatives.includes(name));
    if (match === undefined || entry.type !== 'File' || failure !== undefined) return void entry.resume();
    if (entry.size > LARGEST_FILE) {
      failure = new CorruptDataError(`${path}: ${entry.path} claims ${entry.size} bytes`);
      return void entry.resume();
    }
    const chunks: Uint8Array[] = [];
    entry.on('data', (chunk: Uint8Array) => chunks.push(chunk));
    entry.on('end', () => {
      try {
        deliver(name, Buffer.concat(chunks));
        missing.delete(match);
      } catch (error) {
        failure = error;
      }
    });
  };
  try {
    await list({ file: path, strict: true, onReadEntry });
  } catch (cause) {
    throw new CorruptDataError(`${path} is not a whole archive (${messageOf(cause)}): download it again`, {
      cause,
    });
  }
  if (failure !== undefined) throw failure;
  if (missing.size > 0) {
    const names = [...missing].map((alternatives) => alternatives.join(' or ')).join(', ');
    throw new MissingDataError(`${path} has no ${names}`);
  }
}
