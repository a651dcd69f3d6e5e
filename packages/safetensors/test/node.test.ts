import { execFileSync } from 'node:child_process';
import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile as readBytes,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fromFloat32, parse, serialize } from '../src/index.ts';
import { readFile, replaceFile, writeFileAtomic } from '../src/node.ts';
import { golden } from './golden.ts';

let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'safetensors-'))));
afterEach(() => rm(folder, { recursive: true }));

describe('writeFileAtomic', () => {
  it('writes what serialize gives, replaces what was there, and leaves no other file', async () => {
    const path = join(folder, 'model.safetensors');
    await writeFile(path, 'old');
    const content = parse(golden('every-dtype.safetensors'));
    await writeFileAtomic(path, content);
    expect(new Uint8Array(await readBytes(path))).toEqual(serialize(content));
    expect(await readdir(folder)).toEqual(['model.safetensors']);
  });

  it('touches nothing when the content cannot be written', async () => {
    const path = join(folder, 'model.safetensors');
    await writeFile(path, 'old');
    const bad = { dtype: 'F32', shape: [2], data: new Uint8Array(4) } as const;
    await expect(writeFileAtomic(path, { tensors: [['x', bad]] })).rejects.toMatchObject({
      code: 'SIZE_MISMATCH',
    });
    expect(await readBytes(path, 'utf8')).toBe('old');
    expect(await readdir(folder)).toEqual(['model.safetensors']);
  });

  it.skipIf(process.platform === 'win32')('replaces what a link leads to, and leaves the link', async () => {
    const [file, link] = [join(folder, 'file.json'), join(folder, 'link.json')];
    await writeFile(file, 'before');
    await symlink(file, link);
    await replaceFile(link, [Buffer.from('after')]);
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
    expect(await readBytes(file, 'utf8')).toBe('after');
    expect(await readdir(folder)).toEqual(['file.json', 'link.json']);
  });

  it.skipIf(process.platform === 'win32')('writes into a pipe, which stays one', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const [read] = await Promise.all([
      readBytes(pipe, 'utf8'),
      replaceFile(pipe, [Buffer.from('in '), Buffer.from('parts')]),
    ]);
    expect(read).toBe('in parts');
    expect((await lstat(pipe)).isFIFO()).toBe(true);
  });

  it('removes its temporary file when the rename fails', async () => {
    const taken = join(folder, 'taken');
    await mkdir(taken);
    await expect(writeFileAtomic(taken, { tensors: [] })).rejects.toMatchObject({ code: 'EISDIR' });
    expect(await readdir(folder)).toEqual(['taken']);
  });

  it('passes on that the folder is missing', async () => {
    const path = join(folder, 'missing', 'model.safetensors');
    await expect(writeFileAtomic(path, { tensors: [] })).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('readFile', () => {
  it('reads back what was written', async () => {
    const path = join(folder, 'model.safetensors');
    const tensors = new Map([['x', fromFloat32(Float32Array.of(1, 2, 3), [3])]]);
    await writeFileAtomic(path, { tensors, metadata: { step: '7' } });
    expect(await readFile(path)).toEqual({ tensors, metadata: { step: '7' } });
  });

  it('names the file in the error of a damaged one', async () => {
    const path = join(folder, 'model.safetensors');
    await writeFile(path, golden('every-dtype.safetensors').subarray(0, 1000));
    await expect(readFile(path)).rejects.toMatchObject({
      name: 'SafetensorsError',
      code: 'TRUNCATED',
      message: expect.stringContaining(path),
    });
  });
});
