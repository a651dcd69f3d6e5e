/**
 * The folder of a run:
 *
 *     config.json   metrics.jsonl   evaluations.jsonl   log.jsonl   samples/   checkpoints/   best/   report.html
 *
 * metrics.jsonl and evaluations.jsonl are pure functions of the configuration; what depends on the clock or the machine
 * is in log.jsonl.
 */
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import {
  type Checkpoint,
  type CheckpointEntry,
  listCheckpoints,
  readCheckpoint,
  storing,
} from '@srmcmc/checkpoint';
import {
  CorruptCheckpointError,
  InvalidArgumentError,
  MissingDataError,
  type StorageError,
} from '@srmcmc/core';
import type { Config, GivenConfig } from './config.ts';
import { writeWhole } from './files.ts';

export interface RunFolder {
  readonly path: string;
  readonly config: string;
  readonly metrics: string;
  readonly evaluations: string;
  readonly log: string;
  readonly samples: string;
  readonly checkpoints: string;
  /** Of checkpoints too; its newest is the best. It is made when there is one. */
  readonly best: string;
  readonly report: string;
}

export function runFolderAt(path: string): RunFolder {
  return {
    path,
    config: join(path, 'config.json'),
    metrics: join(path, 'metrics.jsonl'),
    evaluations: join(path, 'evaluations.jsonl'),
    log: join(path, 'log.jsonl'),
    samples: join(path, 'samples'),
    checkpoints: join(path, 'checkpoints'),
    best: join(path, 'best'),
    report: join(path, 'report.html'),
  };
}

/** Makes `runs/name`, or `runs/name-2`, ... where that exists. Throws StorageError. */
export async function createRunFolder(runs: string, name: string): Promise<RunFolder> {
  await storing(runs, () => makeFolder(runs));
  const folder = runFolderAt(await makeNumbered(join(runs, name)));
  await storing(folder.path, async () => {
    await mkdir(folder.samples);
    await mkdir(folder.checkpoints);
  });
  return folder;
}

/**
 * A run that there is: a folder, a name in `runs`, or, for `true`, the newest one called `name`.
 *
 * @throws MissingDataError where there is no such run.
 */
export async function findRun(run: string | true, runs: string, name: string): Promise<RunFolder> {
  const candidates = run === true ? await numbered(runs, name) : placesOf(run, runs);
  for (const path of candidates) {
    if (await exists(join(path, 'config.json'))) return runFolderAt(path);
  }
  const wanted = run === true ? `called '${name}' in ${runs}` : `at ${candidates.join(' or ')}`;
  throw new MissingDataError(`there is no run ${wanted}: expected a folder with a config.json`);
}

function placesOf(run: string, runs: string): string[] {
  return isAbsolute(run) ? [run] : [...new Set([run, join(runs, run)])];
}

export async function writeConfig(folder: RunFolder, config: Config): Promise<void> {
  await writeWhole(folder.config, `${JSON.stringify(config, null, 2)}\n`);
}

/** The fields of a configuration file, not yet checked. Throws MissingDataError or InvalidArgumentError. */
export async function readConfigFile(path: string): Promise<GivenConfig> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new MissingDataError(`cannot read the configuration ${path}: ${(cause as Error).message}`, {
      cause,
    });
  }
  let value: unknown;
  try {
    // Some editors begin a file with a byte order mark, which is no JSON.
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw new InvalidArgumentError('config', `${path} is not JSON: ${(cause as Error).message}`, { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidArgumentError('config', `${path} must hold a JSON object of fields`);
  }
  return value as GivenConfig;
}

/**
 * Deletes old checkpoints: of those written on schedule the newest `keep` stay, of the others (written when a run
 * was stopped) only one that is the newest of all. What a rollback finds is then the same after a stop.
 */
export async function pruneCheckpoints(folder: RunFolder, keep: number, every: number): Promise<void> {
  const entries = await listCheckpoints(folder.checkpoints);
  const scheduled = entries.filter(({ iteration }) => iteration % every === 0).slice(-keep);
  const newest = entries.at(-1);
  for (const entry of entries) {
    if (entry !== newest && !scheduled.includes(entry)) await rm(entry.path, { force: true });
  }
}

/** The newest good checkpoint of those written on schedule, so that stopping a run does not change its rollbacks. */
export async function lastScheduledCheckpoint(folder: RunFolder, every: number): Promise<Checkpoint> {
  const onSchedule = ({ iteration }: CheckpointEntry): boolean => iteration % every === 0;
  const entries = (await listCheckpoints(folder.checkpoints)).filter(onSchedule).reverse();
  for (const { path } of entries) {
    try {
      return (await readCheckpoint(path)).checkpoint;
    } catch (error) {
      if (!(error instanceof CorruptCheckpointError)) throw error;
    }
  }
  throw new CorruptCheckpointError(`no good checkpoint in ${folder.checkpoints} to go back to`);
}

/** mkdir's own `recursive` never returns where a file system refuses new folders with ENOENT, as /proc does. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await mkdir(path);
  }
}

async function makeNumbered(path: string): Promise<string> {
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? path : `${path}-${number}`;
    try {
      await storing(candidate, () => mkdir(candidate));
      return candidate;
    } catch (error) {
      const { code } = ((error as StorageError).cause ?? {}) as NodeJS.ErrnoException;
      if (code !== 'EEXIST') throw error;
    }
  }
}

/** `name`, `name-2`, ... in a folder, newest first. */
async function numbered(runs: string, name: string): Promise<string[]> {
  const names = await readdir(runs).catch(() => [] as string[]);
  const numberOf = (candidate: string): number => {
    if (candidate === name) return 1;
    const suffix = candidate.startsWith(`${name}-`) ? candidate.slice(name.length + 1) : '';
    return /^\d+$/.test(suffix) ? Number(suffix) : 0;
  };
  return names
    .filter((candidate) => numberOf(candidate) > 0)
    .sort((a, b) => numberOf(b) - numberOf(a))
    .map((candidate) => join(runs, candidate));
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
