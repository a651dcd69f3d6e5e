import { mkdir, mkdtemp, readdir, readFile as readBytes, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fromFloat32, parse, serialize } from '../src/index.ts';
import { readFile, writeFileAtomic } from '../src/node.ts';
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
