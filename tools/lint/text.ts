/** Finds text that does not belong in the repository: paths of one machine, registry hosts, unfinished work. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';

const longestFile = 350;
const code = new Set(['.ts', '.mts', '.js', '.mjs', '.cjs', '.cc', '.cpp', '.h', '.hpp', '.py', '.sh']);

// A pattern is written so that it does not match its own line.
const forbidden: readonly { readonly pattern: RegExp; readonly problem: string }[] = [
  {
    pattern: /(?<![\w.~}$-])\/(?:work|root|home|Users|tmp|private|mnt)\/\w/,
    problem: 'an absolute path of one machine',
  },
  { pattern: /\b[A-Z]:\\{1,2}Users\b/, problem: 'an absolute path of one machine' },
  {
    pattern: /registry\.(?:npmjs|yarnpkg|npmmirror)\.|\bpypi\.[o]rg|pythonhosted\.[o]rg|\bdeb\.[d]ebian\.org/,
    problem: 'the host of a package registry; each machine configures its own',
  },
  { pattern: /_auth[T]oken/, problem: 'a registry credential' },
  { pattern: /\b(?:TO[D]O|FIX[M]E|XX[X])\b/, problem: 'unfinished work; finish it or open an issue' },
];

/** Complaints about one file, as "path:line: problem"; none for a binary file. */
export function textProblems(path: string, content: Buffer): string[] {
  if (content.includes(0)) return [];
  const lines = content.toString('utf8').split('\n');
  const problems = lines.flatMap((line, index) =>
    forbidden
      .filter(({ pattern }) => pattern.test(line))
      .map(({ problem }) => `${path}:${index + 1}: ${problem}: ${line.trim().slice(0, 80)}`),
  );
  if (code.has(extname(path)) && lines.length - 1 > longestFile) {
    problems.push(`${path}: ${lines.length - 1} lines; more than ${longestFile} hold more than one concept`);
  }
  return problems;
}

/** Checks every file that git tracks or would track. */
export function checkText(base: string): string[] {
  // The owner of a checkout in a container is often another user; git refuses to read it unless told.
  const list = ['-c', 'safe.directory=*', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const { status, stdout, stderr } = spawnSync('git', list, { cwd: base, encoding: 'utf8' });
  if (status !== 0) return [`git ls-files failed: ${stderr}`];
  const paths = stdout.split('\0').filter((path) => path !== '' && existsSync(join(base, path)));
  return [...new Set(paths)].flatMap((path) => textProblems(path, readFileSync(join(base, path))));
}
