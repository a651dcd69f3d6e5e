/** Real processes and real signals: what a crash or Ctrl-C leaves behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readCheckpoint } from '@srmcmc/checkpoint';
import { beforeAll, expect, test } from 'vitest';
import { flags } from '../src/flags.ts';
import { temporaryFolder, tinyImageFields, writeImages } from './fixtures.ts';

const cli = fileURLToPath(new URL('../src/cli.ts', import.meta.url));
const root = fileURLToPath(new URL('../../..', import.meta.url));
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

/** The program as `pnpm train` runs it, less pnpm. */
function start(args: readonly string[]): Started {
  const child = spawn(
    process.execPath,
    ['--conditions=@srmcmc/source', '--import', 'tsx', cli, ...base, ...args],
    { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let text = '';
  child.stdout!.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr!.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { child, output: () => text };
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
      started.child.kill('SIGKILL');
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
    for (const name of await readdir(join(folder, 'runs', 'whole', 'samples')))
      await same(join('samples', name));
    const [left, right] = await Promise.all(
      ['whole', 'killed'].map(async (name) => (await readCheckpoint(join(folder, 'runs', name))).checkpoint),
    );
    expect({ ...right, config: null }).toEqual({ ...left, config: null });
    expect(left!.iteration).toBe(ITERATIONS);
  },
  PATIENCE,
);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(
    `${signal} saves a checkpoint, writes the report and says how to go on`,
    async () => {
      const name = signal.toLowerCase();
      const started = start(['--runs', join(folder, 'runs'), '--name', name, '--checkpoint-every', '100000']);
      await growth(join(folder, 'runs', name), 500, started);
      started.child.kill(signal);
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
    const opened = join(folder, 'runs', 'twice', 'config.json');
    while (
      !(await stat(opened).then(
        () => true,
        () => false,
      ))
    )
      await sleep(20);
    started.child.kill('SIGINT');
    await sleep(100);
    const begun = performance.now();
    while (started.child.exitCode === null && started.child.signalCode === null) {
      started.child.kill('SIGINT');
      await sleep(50);
      if (performance.now() - begun > 10_000) break;
    }
    const { signal } = await exit(started);
    expect(signal, started.output()).toBe('SIGINT');
  },
  PATIENCE,
);
