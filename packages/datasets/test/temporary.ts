/** A folder that is gone after the tests of a file. */
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'srmcmc-datasets-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The parsed JSON file `goldens/<name>.json`, made by tools/goldens/datasets/make.py. */
export async function golden<T>(name: string): Promise<T> {
  return JSON.parse(await readFile(new URL(`goldens/${name}.json`, import.meta.url), 'utf8')) as T;
}
