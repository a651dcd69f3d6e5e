/** Real processes and real signals: what an evaluation that was stopped leaves behind, and what is made of it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { FeatureJournal, type JournalRecord } from '../src/feature-journal.ts';
import { temporaryFolder, writeImageCheckpoint } from './checkpoints.ts';

const folder = temporaryFolder();
const at = (name: string): string => join(folder, name);
const model = at('model.safetensors');
const cli = fileURLToPath(new URL('../src/cli.ts', import.meta.url));
const root = fileURLToPath(new URL('../../..', import.meta.url));
const COUNT = 160;
const BATCH = 16;
/** Starting the program takes seconds on a busy machine. */
const PATIENCE_MS = 120_000;

beforeAll(() => writeImageCheckpoint(model));

interface Ended {
  readonly code: number | null;
  readonly stderr: string;
}

/** Measures samples with the cache folder of that name; `signal` is sent when the first batch is on the disk. */
async function run(cache: string, signal?: NodeJS.Signals, ...flags: string[]): Promise<Ended> {
  const args = [
    ...['metrics', model, '--reference', model, '--backend', 'cpu', '--steps', '60'],
    ...['--count', String(COUNT), '--batch', String(BATCH), '--json', at(`${cache}.json`)],
    ...flags,
  ];
  const child = spawn(process.execPath, ['--conditions=@srmcmc/source', '--import', 'tsx', cli, ...args], {
    cwd: root,
    env: { ...process.env, XDG_CACHE_HOME: at(cache) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = once(child, 'close') as Promise<[number | null]>;
  if (signal !== undefined) {
    while (bytesIn(cache) === 0 && child.exitCode === null) await sleep(5);
    child.kill(signal);
  }
  const [code] = await ended;
  return { code, stderr };
}

function journalsIn(cache: string): string[] {
  const path = join(at(cache), 'srmcmc', 'features');
  return existsSync(path) ? readdirSync(path).map((name) => join(path, name)) : [];
}

function bytesIn(cache: string): number {
  return journalsIn(cache).reduce((sum, path) => sum + statSync(path).size, 0);
}

function measurementsIn(cache: string): unknown {
  return (JSON.parse(readFileSync(at(`${cache}.json`), 'utf8')) as { measurements: unknown }).measurements;
}

describe('an evaluation', () => {
  it(
    'that was killed goes on from the images that were done, to the numbers of one that was not',
    async () => {
      const whole = await run('whole');
      expect(whole).toMatchObject({ code: 0 });
      // Only work that is not done is kept.
      expect(journalsIn('whole')).toEqual([]);
      expect((await run('killed', 'SIGKILL')).code).toBeNull();
      expect(existsSync(at('killed.json'))).toBe(false);
      expect(journalsIn('killed')).toHaveLength(1);
      const { code, stderr } = await run('killed');
      expect(code).toBe(0);
      const known = Number(/(\d+) of 160 images of the reference are known from before/.exec(stderr)?.[1]);
      expect(known % BATCH).toBe(0);
      expect(known).toBeGreaterThan(0);
      expect(known).toBeLessThan(COUNT);
      expect(measurementsIn('killed')).toEqual(measurementsIn('whole'));
      expect(journalsIn('killed')).toEqual([]);
    },
    PATIENCE_MS,
  );

  it(
    'that Ctrl-C stopped says what is kept',
    async () => {
      const { code, stderr } = await run('stopped', 'SIGINT');
      expect(code).toBe(130);
      expect(stderr).toMatch(
        /stopped: no result was written; the features of [1-9]\d* images are kept, and the same command goes on from there\n$/,
      );
      expect(stderr).not.toContain('nothing was written');
    },
    PATIENCE_MS,
  );
});

describe('--fresh', () => {
  it(
    'reads again what a run that was killed had read, and ends with the same numbers',
    async () => {
      expect((await run('fresh', 'SIGKILL')).code).toBeNull();
      expect(journalsIn('fresh')).toHaveLength(1);
      const { code, stderr } = await run('fresh', undefined, '--fresh');
      expect(code).toBe(0);
      expect(stderr).not.toContain('are known from before');
      await run('again');
      expect(measurementsIn('fresh')).toEqual(measurementsIn('again'));
      expect(journalsIn('fresh')).toEqual([]);
    },
    PATIENCE_MS,
  );
});

describe('a journal', () => {
  const records: JournalRecord[] = [1, 2, 3].map(
    (n) =>
      new Map([
        ['a', Float32Array.of(n, n + 0.5)],
        ['b', Float64Array.of(n / 3)],
        ['c', Uint8Array.of(n)],
      ] as [string, Float32Array][]),
  );

  async function opened(path: string, identity: object = { of: 'test' }, empty = false) {
    const journal = await FeatureJournal.open(path, identity, { empty });
    const found: JournalRecord[] = [];
    for await (const record of journal.records()) found.push(record);
    return { journal, found };
  }

  async function written(name: string): Promise<string> {
    const path = at(name);
    mkdirSync(path);
    const { journal } = await opened(path);
    for (const record of records) await journal.append(record);
    await journal.close();
    return path;
  }

  it('gives back its records, and others nothing', async () => {
    const path = await written('kept');
    const { journal, found } = await opened(path);
    expect(found).toEqual(records);
    await journal.close();
    const other = await opened(path, { of: 'another' });
    expect(other.found).toEqual([]);
    await other.journal.close();
    await other.journal.remove();
    const emptied = await opened(path, undefined, true);
    expect(emptied.found).toEqual([]);
    await emptied.journal.close();
  });

  it('that ends anywhere gives the records before, and takes the others again', async () => {
    const path = await written('torn');
    const [file] = readdirSync(path).map((name) => join(path, name)) as [string];
    const whole = readFileSync(file);
    const each = whole.length / records.length;
    for (let size = whole.length - 1; size >= 0; size -= 7) {
      truncateSync(file, size);
      const { journal, found } = await opened(path);
      const complete = Math.floor(size / each);
      expect(found).toEqual(records.slice(0, complete));
      for (const record of records.slice(complete)) await journal.append(record);
      await journal.close();
      expect(readFileSync(file)).toEqual(whole);
    }
  });
});
