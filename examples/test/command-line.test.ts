/** What the examples that are tools say of a wrong call: one line, before any work. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const scratch = mkdtempSync(join(tmpdir(), 'examples-'));
const at = (name: string): string => join(scratch, name);

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Stopped by SIGINT where it first says on stderr what `stopAt` matches. */
function run(name: string, args: readonly string[], stopAt?: RegExp): Promise<Outcome> {
  const program = fileURLToPath(new URL(`../${name}`, import.meta.url));
  const node = ['--import', 'tsx', '--conditions=@srmcmc/source', program, ...args];
  const child = spawn(process.execPath, node, { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  let isStopped = false;
  child.stdout.on('data', (text) => (stdout += text));
  child.stderr.on('data', (text) => {
    stderr += text;
    if (isStopped || stopAt?.test(stderr) !== true) return;
    isStopped = true;
    child.kill('SIGINT');
  });
  return new Promise((resolve) => child.on('exit', (code) => resolve({ code, stdout, stderr })));
}

writeFileSync(at('empty.png'), '');

test.each([
  ['texture.ts', ['--foo'], 2, "Unknown option '--foo'"],
  ['texture.ts', [at('missing.png')], 2, 'missing.png is not there'],
  ['texture.ts', [at('empty.png')], 2, 'empty.png is no image'],
  ['texture.ts', [scratch], 2, 'is no image'],
  ['texture.ts', ['--size', '30'], 2, 'size: must be an integer of at least 32, got 30'],
  ['texture.ts', ['--size', 'NaN'], 2, 'size: must be an integer of at least 32, got NaN'],
  ['texture.ts', ['--size', '129'], 2, 'size: must be at most the lesser side of gravel, 128, got 129'],
  ['texture.ts', ['--out', at('a.gif')], 2, 'out: must end in .png or .svg'],
  ['texture.ts', ['--out', at('no/a.png')], 1, 'the folder does not exist'],
  ['texture.ts', ['--save', at('empty.png')], 1, 'something else has that name'],
  ['frame-moments.ts', ['--out', at('no/a.svg')], 1, 'the folder does not exist'],
  ['pull-back.ts', ['--ful'], 2, "Unknown option '--ful'"],
  ['own-density.ts', ['--foo'], 2, "Unknown option '--foo'"],
  ['learn-a-toy.ts', ['many'], 2, 'iterations: must be an integer of at least 1, got NaN'],
])('%s %j ends with %i and one line', async (name, args, code, message) => {
  const outcome = await run(name, args);
  const lines = outcome.stderr.trim().split('\n');
  expect(lines, outcome.stderr).toHaveLength(1);
  expect(lines[0]).toMatch(/^error: /);
  expect(lines[0]).toContain(message);
  expect(outcome).toMatchObject({ code, stdout: '' });
});

test.each(['texture.ts', 'frame-moments.ts', 'pull-back.ts', 'own-density.ts'])(
  '%s --help says how it is called',
  async (name) => {
    const { code, stdout, stderr } = await run(name, ['--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(
      new RegExp(`^usage: node --import tsx --conditions=@srmcmc/source examples/${name}`),
    );
  },
);

test('texture.ts that is stopped draws what there is, and names no other columns', async () => {
  const out = at('stopped.svg');
  const { code, stderr } = await run('texture.ts', ['--full', '--out', out], /gravel, histograms: \d+ %/);
  expect(code, stderr).toBe(0);
  expect(existsSync(out)).toBe(true);
  const [, title] = /aria-label="([^"]*)"/.exec(readFileSync(out, 'utf8'))!;
  expect(title).toBe('the image, from histograms; stopped early');
});
