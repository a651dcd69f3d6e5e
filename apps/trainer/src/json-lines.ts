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

/** The records of a file; none where there is no file. A last line cut short by a crash, and a damaged one, are left out. */
export async function readJsonLines<R>(path: string): Promise<R[]> {
  return completeLines(await textOf(path)).flatMap((line) => recordIn<R>(line) ?? []);
}

/** Drops the lines from the first of a later iteration on, and a last line that is cut short. */
export async function keepIterations(path: string, last: number): Promise<void> {
  const text = await textOf(path);
  const lines = completeLines(text);
  const later = lines.findIndex((line) => (recordIn<Iterated>(line)?.iteration ?? 0) > last);
  const kept = later === -1 ? lines : lines.slice(0, later);
  const bytes = kept.reduce((total, line) => total + Buffer.byteLength(line) + 1, 0);
  if (bytes < Buffer.byteLength(text)) await storing(path, () => truncate(path, bytes));
}

/** Those of the iterations 1 .. last that a file has no line of, as `3 to 300, 305`; undefined where it has all. */
export async function missingIterations(path: string, last: number): Promise<string | undefined> {
  const there = new Set((await readJsonLines<Iterated>(path)).map(({ iteration }) => iteration));
  const gaps: string[] = [];
  for (let first = 1; first <= last; first++) {
    if (there.has(first)) continue;
    let end = first;
    while (end < last && !there.has(end + 1)) end++;
    gaps.push(end === first ? `${first}` : `${first} to ${end}`);
    first = end;
  }
  return gaps.length === 0 ? undefined : gaps.join(', ');
}

interface Iterated {
  readonly iteration: number;
}

/** Undefined for a line that is damaged. */
function recordIn<R>(line: string): R | undefined {
  try {
    return JSON.parse(line) as R;
  } catch {
    return undefined;
  }
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
