import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRunFolder } from '../src/run-folder.ts';
import { lockRun } from '../src/run-lock.ts';
import { train } from '../src/train.ts';
import { temporaryFolder, tinyConfig } from './fixtures.ts';

const refusal = expect.objectContaining({ code: 'INVALID_ARGUMENT', field: 'resume' });

test('a run that another process is at is refused, by name and process', async () => {
  const folder = await createRunFolder(await temporaryFolder(), 'busy');
  const other = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)']);
  try {
    const lock = join(folder.path, 'lock.json');
    await writeFile(lock, JSON.stringify({ pid: other.pid, host: hostname() }));
    await expect(lockRun(folder)).rejects.toEqual(refusal);
    await expect(lockRun(folder)).rejects.toThrow(`busy is being trained by process ${other.pid}`);
    await writeFile(lock, JSON.stringify({ pid: 1, host: 'elsewhere' }));
    await expect(lockRun(folder)).rejects.toThrow('on elsewhere');
  } finally {
    other.kill();
  }
});

test('the lock of a process that is gone, and one that was half written, are taken over', async () => {
  const folder = await createRunFolder(await temporaryFolder(), 'left');
  const gone = spawn(process.execPath, ['-e', '']);
  await once(gone, 'exit');
  const lock = join(folder.path, 'lock.json');
  // In a container that starts again, this process may have the number of the one that was killed.
  const numbers = [gone.pid, process.pid].map((pid) => JSON.stringify({ pid, host: hostname() }));
  for (const text of [...numbers, '{"pid":']) {
    await writeFile(lock, text);
    const unlock = await lockRun(folder);
    expect(JSON.parse(await readFile(lock, 'utf8'))).toEqual({ pid: process.pid, host: hostname() });
    await expect(lockRun(folder)).rejects.toEqual(refusal);
    await unlock();
    expect(await readdir(folder.path)).not.toContain('lock.json');
  }
});

test('a run lets go when it ends, refuses fewer iterations than it has, and says when it is complete', async () => {
  const config = tinyConfig({ runs: await temporaryFolder(), iterations: 3 });
  const { folder } = await train(config);
  expect(await readdir(folder.path)).not.toContain('lock.json');
  await expect(train({ ...config, iterations: 2 }, { resume: folder })).rejects.toThrow(
    'iterations: is 2, but the run is already at 3: more than that goes on with it',
  );
  const notes: string[] = [];
  const onProgress: Parameters<typeof train>[1] = {
    resume: folder,
    onProgress: (event) => void (event.kind === 'note' && notes.push(event.text)),
  };
  expect((await train(config, onProgress)).iteration).toBe(3);
  expect(notes).toContain('the run is complete; to go on: --iterations with more than 3');
  expect(await readdir(folder.path)).not.toContain('lock.json');
});

test('of many that take over the same stale lock at once, one gets the run', async () => {
  const folder = await createRunFolder(await temporaryFolder(), 'wanted');
  const gone = spawn(process.execPath, ['-e', '']);
  await once(gone, 'exit');
  await writeFile(join(folder.path, 'lock.json'), JSON.stringify({ pid: gone.pid, host: hostname() }));
  const attempts = await Promise.allSettled(Array.from({ length: 8 }, () => lockRun(folder)));
  expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(await readdir(folder.path)).toEqual(expect.arrayContaining(['lock.json']));
});
