import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const program = fileURLToPath(new URL('programs/say.ts', import.meta.url));
const root = fileURLToPath(new URL('../../..', import.meta.url));

function run(output: string): {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
} {
  const node = `"${process.execPath}" --import tsx --conditions=@srmcmc/source "${program}"`;
  return spawnSync('sh', ['-c', `${node} ${output}`], { cwd: root, encoding: 'utf8' });
}

test('a program ends with its exit code', () => {
  expect(run('')).toMatchObject({ status: 0, stdout: 'a line\n', stderr: '' });
});

test('a reader that has seen enough is no failure', () => {
  expect(run('| true')).toMatchObject({ status: 0, stderr: '' });
});

test.skipIf(!existsSync('/dev/full'))(
  'output that a full disk has no room for is told of, by the exit code too',
  () => {
    const { status, stderr } = run('> /dev/full');
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: the output is not complete, .*ENOSPC.*\n$/);
  },
);
