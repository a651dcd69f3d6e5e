/** Where and when something was measured: what a number means nothing without. */
import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, loadavg, release, totalmem, type as osType } from 'node:os';
import { z } from 'zod';

export const environmentSchema = z.object({
  cpu: z.string(),
  cores: z.int(),
  memoryBytes: z.number(),
  os: z.string(),
  node: z.string(),
  /** Of what was measured, by name. */
  versions: z.record(z.string(), z.string()),
  /** Of this repository; null outside one. A plus sign: with changes that are in no commit. */
  commit: z.string().nullable(),
  date: z.string(),
  /** Processes that wanted to run in the minute before, on average. */
  load: z.number(),
});

export type Environment = z.infer<typeof environmentSchema>;

/** More waiting processes a core than this, and timings are not those of the machine. */
const BUSY_LOAD_PER_CORE = 0.25;

export function environment(versions: Readonly<Record<string, string>>): Environment {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    os: `${osType()} ${release()}`,
    node: process.version,
    versions,
    commit: commitHere(),
    date: new Date().toISOString(),
    load: loadavg()[0] ?? 0,
  };
}

/** A sentence where the machine has other work; undefined where it is free. */
export function busyWarning({ load, cores }: Environment): string | undefined {
  if (load <= BUSY_LOAD_PER_CORE * cores) return undefined;
  return (
    `warning: the machine is busy (load average ${load.toFixed(2)} on ${cores} cores): ` +
    'times are longer and spread wider than they would alone'
  );
}

function commitHere(): string | null {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const commit = git('rev-parse', '--short=12', 'HEAD');
    return git('status', '--porcelain', '--untracked-files=no') === '' ? commit : `${commit}+`;
  } catch {
    return null;
  }
}
