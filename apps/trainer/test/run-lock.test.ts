import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
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
  for (const text of [JSON.stringify({ pid: gone.pid, host: hostname() }), '{"pid":']) {
    await writeFile(lock, text);
    const unlock = await lockRun(folder);
    expect(await readdir(folder.path)).toContain('lock.json');
    await unlock();
    expect(await readdir(folder.path)).not.toContain('lock.json');
  }
});

test('a run lets go when it ends, refuses fewer iterations than it has, and says when it is complete', async () => {
  const config = tinyConfig({ runs: await temporaryFolder(), iterations: 3 });
  const { folder } = await train(config);
  expect(await readdir(folder.path)).not.toContain('lock.json');
  await expect(train({ ...config, iterations: 2 }, { resume: folder })).rejects.toThrow(
    'iterations: is 2, but the run is already at 3',
  );
  const notes: string[] = [];
  const onProgress: Parameters<typeof train>[1] = {
    resume: folder,
    onProgress: (event) => void (event.kind === 'note' && notes.push(event.text)),
  };
  expect((await train(config, onProgress)).iteration).toBe(3);
  expect(notes).toContain('the run is complete; a larger --iterations goes on with it');
  expect(await readdir(folder.path)).not.toContain('lock.json');
});
