/** The checkpoints of a run: `checkpoint-<iteration>.safetensors` in a folder, newest last. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CorruptCheckpointError, MissingWeightsError, requireInteger } from '@srmcmc/core';
import type { Checkpoint } from './checkpoint.ts';
import { readCheckpointFile } from './file.ts';

/** Where a run keeps its checkpoints, in its own folder. */
const SUBFOLDER = 'checkpoints';
const NAME = /^checkpoint-(\d+)\.safetensors$/;
const DIGITS = 8;

export interface CheckpointEntry {
  readonly path: string;
  readonly iteration: number;
}

export interface FoundCheckpoint {
  readonly path: string;
  readonly checkpoint: Checkpoint;
  /** Newer ones that are damaged and were passed over, newest first. Tell the user. */
  readonly damaged: readonly { readonly path: string; readonly error: CorruptCheckpointError }[];
}

/**
 * The name of the file of a checkpoint, such that names sort as iterations do.
 *
 * @throws InvalidArgumentError unless the iteration is 0, 1, 2, ...
 */
export function checkpointName(iteration: number): string {
  requireInteger('iteration', iteration, 0);
  return `checkpoint-${String(iteration).padStart(DIGITS, '0')}.safetensors`;
}

/** The checkpoints in a folder, or in the folder `checkpoints` of a run's folder, oldest first. */
export async function listCheckpoints(folder: string): Promise<CheckpointEntry[]> {
  for (const place of [join(folder, SUBFOLDER), folder]) {
    const entries = (await namesIn(place)).flatMap((name) => {
      const iteration = NAME.exec(name)?.[1];
      return iteration === undefined ? [] : [{ path: join(place, name), iteration: Number(iteration) }];
    });
    if (entries.length > 0) return entries.sort((a, b) => a.iteration - b.iteration);
  }
  return [];
}

/** The path of the newest checkpoint of a folder, unread; undefined where there is none. */
export async function latestCheckpoint(folder: string): Promise<string | undefined> {
  return (await listCheckpoints(folder)).at(-1)?.path;
}

/**
 * Reads a checkpoint file, or the newest good one of a run's folder: a damaged one is passed over for the one
 * before it, and reported in `damaged`.
 *
 * @throws MissingWeightsError when there is none; CorruptCheckpointError when the file, or every one in the folder,
 * is damaged or foreign; CheckpointVersionError when a newer program wrote it.
 */
export async function readCheckpoint(path: string): Promise<FoundCheckpoint> {
  if (!(await isFolder(path))) return { path, checkpoint: await readCheckpointFile(path), damaged: [] };
  const entries = await listCheckpoints(path);
  if (entries.length === 0) {
    throw new MissingWeightsError(`no checkpoint in ${path}: expected ${checkpointName(1000)} or the like`);
  }
  const damaged: { path: string; error: CorruptCheckpointError }[] = [];
  for (const entry of entries.reverse()) {
    try {
      return { path: entry.path, checkpoint: await readCheckpointFile(entry.path), damaged };
    } catch (error) {
      if (!(error instanceof CorruptCheckpointError)) throw error;
      damaged.push({ path: entry.path, error });
    }
  }
  throw new CorruptCheckpointError(
    `every checkpoint in ${path} is damaged; the newest: ${damaged[0]!.error.message}`,
  );
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
