import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StorageError } from '@srmcmc/core';
import { expect, test } from 'vitest';
import { requireWritable } from '../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'srmcmc-writable-'));
const at = (name: string): string => join(folder, name);

test('a file that is there or can be made is writable, and nothing is changed', async () => {
  writeFileSync(at('there'), 'before');
  await requireWritable(at('there'));
  await requireWritable(at('new'));
  expect(readdirSync(folder)).toEqual(['there']);
  expect(readFileSync(at('there'), 'utf8')).toBe('before');
});

test.each([
  ['in a folder that is not there', 'no/file', 'the folder does not exist'],
  ['below a file', 'there/file', 'a part of the path is a file'],
  ['of the name of a folder', '.', 'there is a folder of that name'],
])('a file %s is not, and the error says why', async (_, name, why) => {
  const found = requireWritable(at(name));
  await expect(found).rejects.toThrow(StorageError);
  await expect(found).rejects.toThrow(`cannot write ${at(name)}: ${why}`);
});
