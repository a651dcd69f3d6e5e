/** Records in a file, one JSON object a line, appended as they come. */
import { open, readFile, truncate } from 'node:fs/promises';
import { storing } from '@srmcmc/checkpoint';

export interface JsonLines {
  append(record: object): Promise<void>;
  /** Makes everything appended so far survive a loss of power. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Opens a file for appending. Its methods throw StorageError. */
export async function openJsonLines(path: string): Promise<JsonLines> {
  const file = await storing(path, () => open(path, 'a'));
  return {
    append: (record) =>
      storing(path, async () => void (await file.appendFile(`${JSON.stringify(record)}\n`))),
    sync: () => storing(path, () => file.sync()),
    close: () => file.close(),
  };
}

/** The records of a file; none where there is no file. A last line cut short by a crash is left out. */
export async function readJsonLines<R>(path: string): Promise<R[]> {
  return completeLines(await textOf(path)).map((line) => JSON.parse(line) as R);
}

/** Drops all lines after the first `count`, and a last line that is cut short. */
export async function keepLines(path: string, count: number): Promise<void> {
  const text = await textOf(path);
  const kept = completeLines(text).slice(0, count);
  const bytes = kept.reduce((total, line) => total + Buffer.byteLength(line) + 1, 0);
  if (bytes < Buffer.byteLength(text)) await storing(path, () => truncate(path, bytes));
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

function completeLines(text: string): string[] {
  return text.split('\n').slice(0, -1);
}
