import { expect, test } from 'vitest';
import { textProblems } from './text.ts';

// Assembled, so that this file passes the check it tests.
const join = (...parts: string[]): string => parts.join('');
const problems = (text: string, path = 'docs/page.md'): string[] => textProblems(path, Buffer.from(text));

test.each([
  ['a home directory', join('see /ho', 'me/ada/runs')],
  ['a temporary file', join("open('/t", "mp/x.npy')")],
  ['a Windows home directory', join('C:\\Us', 'ers\\ada')],
  ['a registry', join('https://registry.npm', 'js.org/tar')],
  ['a Python registry', join('https://py', 'pi.org/simple')],
  ['a registry credential', join('_auth', 'Token=abc')],
  ['unfinished work', join('// TO', 'DO: later')],
])('%s is refused, with file and line', (_what, line) => {
  expect(problems(`first\n${line}\n`)).toEqual([expect.stringMatching(/^docs\/page\.md:2: /)]);
});

test('relative paths, URLs and API routes are not absolute paths', () => {
  expect(problems('packages/work/x, ./tmp/run, https://host/home/ada, ${dir}/tmp/x, a/root/b')).toEqual([]);
});

test('a code file of 351 lines is refused; 350 lines, a long golden and a binary file pass', () => {
  const lines = (n: number): string => 'x\n'.repeat(n);
  expect(problems(lines(351), 'src/long.ts')).toHaveLength(1);
  expect(problems(lines(350), 'src/long.ts')).toEqual([]);
  expect(problems(lines(5000), 'golden.json')).toEqual([]);
  expect(problems(join('\0/t', 'mp/x'))).toEqual([]);
});
