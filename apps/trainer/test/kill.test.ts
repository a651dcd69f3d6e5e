/** Real processes and real signals: what a crash or Ctrl-C leaves behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readCheckpoint } from '@srmcmc/checkpoint';
import { beforeAll, expect, test } from 'vitest';
import { flags } from '../src/flags.ts';
import { temporaryFolder, tinyImageFields, writeImages } from './fixtures.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};
const trainScript = scripts.train!;
const KILLS = 4;
const ITERATIONS = 200;
/** Starting the program takes seconds on a busy machine. */
const PATIENCE = 180_000;

let folder: string;
let base: string[];
beforeAll(async () => {
  folder = await temporaryFolder();
  const fields = {
    ...tinyImageFields(await writeImages(folder)),
    iterations: ITERATIONS,
    sampleEvery: 100,
    evaluateEvery: 30,
    samples: 1,
  };
  base = Object.entries(fields).flatMap(([field, value]) => [
    flags.find((flag) => flag.field === field)!.name,
    String(value),
  ]);
});

interface Started {
  readonly child: ChildProcess;
  readonly output: () => string;
}

/** The command of `pnpm train`, in a process group of its own, as a terminal runs it. */
function start(args: readonly string[]): Started {
  const child = spawn('sh', ['-c', `exec ${trainScript} "$@"`, 'sh', ...base, ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let text = '';
  child.stdout!.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr!.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { child, output: () => text };
}

/** A signal to the whole group: what Ctrl-C and the closing of a terminal send. */
function signalGroup({ child }: Started, signal: NodeJS.Signals): void {
  try {
    process.kill(-child.pid!, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function exit({ child }: Started): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return { code: child.exitCode, signal: child.signalCode };
}

/** Waits until metrics.jsonl of a run has grown by some bytes, which is soon after iterations have begun. */
async function growth(run: string, bytes: number, { child, output }: Started): Promise<void> {
  const size = (): Promise<number> =>
    stat(join(run, 'metrics.jsonl')).then(
      ({ size }) => size,
      () => 0,
    );
  const before = await size();
  while ((await size()) < before + bytes) {
    if (child.exitCode !== null) throw new Error(`it ended too early: ${output()}`);
    await sleep(5);
  }
}

test(
  'a run killed at random moments and resumed ends byte for byte like one that was left alone',
  async () => {
    const whole = start(['--runs', join(folder, 'runs'), '--name', 'whole']);
    expect(await exit(whole), whole.output()).toEqual({ code: 0, signal: null });

    const run = join(folder, 'runs', 'killed');
    let kills = 0;
    for (; kills < KILLS; kills++) {
      const started = start([
        '--runs',
        join(folder, 'runs'),
        '--name',
        'killed',
        ...(kills === 0 ? [] : ['--resume']),
      ]);
      await growth(run, 1000 + Math.floor(Math.random() * 6000), started);
      await sleep(Math.random() * 30);
      signalGroup(started, 'SIGKILL');
      expect(await exit(started), started.output()).toEqual({ code: null, signal: 'SIGKILL' });
    }
    const last = start(['--runs', join(folder, 'runs'), '--name', 'killed', '--resume']);
    expect(await exit(last), last.output()).toEqual({ code: 0, signal: null });
    expect(last.output()).toMatch(/resumed at iteration [1-9]/);

    const same = async (file: string): Promise<void> => {
      const [left, right] = await Promise.all(
        ['whole', 'killed'].map((name) => readFile(join(folder, 'runs', name, file))),
      );
      expect(right!.equals(left!), file).toBe(true);
    };
    await same('metrics.jsonl');
    await same('evaluations.jsonl');
    for (const name of await readdir(join(folder, 'runs', 'whole', 'samples')))
      await same(join('samples', name));
    const bests = await Promise.all(
      ['whole', 'killed'].map(async (name) => {
        const { checkpoint } = await readCheckpoint(join(folder, 'runs', name, 'best'));
        return { ...checkpoint, config: null };
      }),
    );
    expect(bests[1]).toEqual(bests[0]);
    const [left, right] = await Promise.all(
      ['whole', 'killed'].map(async (name) => (await readCheckpoint(join(folder, 'runs', name))).checkpoint),
    );
    expect({ ...right, config: null }).toEqual({ ...left, config: null });
    expect(left!.iteration).toBe(ITERATIONS);
  },
  PATIENCE,
);

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(
    `${signal} saves a checkpoint, writes the report and says how to go on`,
    async () => {
      const name = signal.toLowerCase();
      const started = start(['--runs', join(folder, 'runs'), '--name', name, '--checkpoint-every', '100000']);
      await growth(join(folder, 'runs', name), 500, started);
      signalGroup(started, signal);
      expect(await exit(started), started.output()).toEqual({ code: 0, signal: null });
      const run = join(folder, 'runs', name);
      const { iteration } = (await readCheckpoint(run)).checkpoint;
      expect(iteration).toBeGreaterThan(0);
      expect(started.output()).toContain(
        `stopped (interrupted) at iteration ${iteration}; to go on: srmcmc-train --resume ${run}\n`,
      );
      expect(await readdir(run)).toContain('report.html');
    },
    PATIENCE,
  );
}

test(
  'a second SIGINT ends the process at once, whatever it is doing',
  async () => {
    // One iteration of a hundred thousand steps takes minutes.
    const started = start([
      '--runs',
      join(folder, 'runs'),
      '--name',
      'twice',
      '--steps',
      '100000',
      '--samples',
      '1',
    ]);
    // From this line to the first iteration files are opened, so the first signal is heard before the long one begins.
    while (!started.output().includes('backend:')) await sleep(2);
    signalGroup(started, 'SIGINT');
    await sleep(100);
    const begun = performance.now();
    while (started.child.exitCode === null && started.child.signalCode === null) {
      signalGroup(started, 'SIGINT');
      await sleep(50);
      if (performance.now() - begun > 10_000) break;
    }
    const { signal } = await exit(started);
    expect(signal, started.output()).toBe('SIGINT');
  },
  PATIENCE,
);
