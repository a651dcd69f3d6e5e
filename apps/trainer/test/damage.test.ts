/** What is damaged or full after a run has begun, and what runs say of where they are. */
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { commandIn, flagged } from './command-in.ts';
import { temporaryFolder, tinyFields, writeImages } from './fixtures.ts';

let folder: string;
let images: string;
const mounts: string[] = [];
beforeAll(async () => {
  folder = await temporaryFolder();
  images = await writeImages(folder);
});
afterAll(() => {
  for (const mount of mounts) execFileSync('umount', [mount]);
});

const { at, tiny, ofImages, run, finishedRun, checkpointsOf, cutFolder } = commandIn(() => folder);

test('a damaged newest checkpoint is named, passed over for the one before, and the run ends as it would have', async () => {
  const whole = await finishedRun('whole');
  const damaged = await finishedRun('damaged');
  const newest = (await checkpointsOf(damaged)).at(-1)!;
  const before = await readFile(newest);
  const bytes = Buffer.from(before);
  bytes[bytes.length - 10]! ^= 0xff;
  await writeFile(newest, bytes);
  const { code, output } = await run(tiny('--name', 'damaged', '--resume'));
  expect(code).toBe(0);
  expect(output).toContain(`passed over a damaged checkpoint: ${newest} was altered or damaged`);
  expect(output).toContain('from iteration 0 of 5');
  expect(await readFile(newest)).toEqual(before);
  expect(await readFile(join(damaged, 'metrics.jsonl'))).toEqual(
    await readFile(join(whole, 'metrics.jsonl')),
  );
});

test('what is refused for its numbers leaves no run behind', async () => {
  await run(ofImages(images, '--name', 'many', '--samples', '900000'));
  await run(ofImages(images, '--name', 'large', '--channels', '1e6'));
  expect((await readdir(at('runs'))).filter((name) => /many|large/.test(name))).toEqual([]);
});

test('a run that a damaged image has ended goes on with --skip-bad, which says how many it leaves out', async () => {
  const args = ofImages(await cutFolder('damaged-later'), '--batch', '3', '--name', 'skips');
  expect((await run([...args, '--iterations', '20', '--checkpoint-every', '1'])).code).toBe(1);
  const { code, output, errors } = await run(['--runs', at('runs'), '--resume', 'skips', '--skip-bad']);
  expect({ code, errors }).toEqual({ code: 0, errors: '' });
  expect(output).toContain(
    `skipBad: 1 of 4 images left out, the first ${join(at('damaged-later'), '2.png')}\n`,
  );
  expect(output).toContain('done: 20 iterations');
});

test('a metrics.jsonl that has lost lines is told of by what it lacks, once a resumed run has gone on too', async () => {
  const path = await finishedRun('gap');
  const file = join(path, 'metrics.jsonl');
  const lines = (await readFile(file, 'utf8')).split('\n');
  await truncate(file, lines.slice(0, 2).join('\n').length + 20);
  const told = `${file} is damaged: it lacks iterations 3 to 5, and the curves have a gap there\n`;
  const iterations = async (): Promise<number[]> =>
    (await readFile(file, 'utf8'))
      .split('\n')
      .slice(0, -1)
      .map((line) => (JSON.parse(line) as { iteration: number }).iteration);
  expect((await run(tiny('--name', 'gap', '--resume', '--iterations', '10'))).output).toContain(told);
  expect(await iterations()).toEqual([1, 2, 6, 7, 8, 9, 10]);
  const [chart] = /<svg[^]*?<\/svg>/.exec(await readFile(join(path, 'report.html'), 'utf8'))!;
  expect(chart.match(/<polyline/g)).toHaveLength(2);
  // Back to iteration 5, with the lines after it in the file.
  await rm((await checkpointsOf(path)).at(-1)!);
  expect((await run(tiny('--name', 'gap', '--resume', '--iterations', '10'))).output).toContain(told);
  expect(await iterations()).toEqual([1, 2, 6, 7, 8, 9, 10]);
});

test('paths that are printed exist, however the runs folder is given', async () => {
  const { output } = await run(
    ofImages(images, '--runs', at('deep/er'), '--name', 'placed', '--evaluate-every', '1'),
  );
  for (const [, path] of output.matchAll(/(?:^run: |, in | in |^report: )(\S+?)(?:,|$)/gm)) {
    expect((await stat(path!)).size).toBeGreaterThan(0);
  }
  expect(output).toContain(`best: iteration`);
  expect(output).toContain(`in ${at('deep/er/placed/best')}\n`);
  expect(output).toContain(`run: ${at('deep/er/placed')}, from iteration 0`);
  expect(output).toContain(`done: 2 iterations in ${at('deep/er/placed')}\n`);
});

/** A file system of 1 MB; undefined where this user may not make one. */
async function smallDisk(): Promise<string | undefined> {
  const disk = join(await temporaryFolder(), 'disk');
  await mkdir(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  mounts.push(disk);
  return disk;
}

test('a full disk ends the run in one line; with room again it goes on from a good checkpoint', async (context) => {
  const disk = await smallDisk();
  if (disk === undefined) return context.skip('only root can mount a small disk');
  const args = [
    ...flagged({ ...tinyFields, iterations: 10_000, hidden: 32 }),
    '--runs',
    disk,
    '--name',
    'full',
  ];
  const full = await run(args);
  expect(full.code).toBe(1);
  expect(full.errors).toMatch(/^error: cannot write .*: the disk is full: free some space\n$/);
  execFileSync('mount', ['-o', 'remount,size=8m', disk]);
  const again = await run([
    '--runs',
    disk,
    '--name',
    'full',
    '--preset',
    'toy-2d',
    '--resume',
    '--max-minutes',
    '0.001',
  ]);
  expect(again.errors).toBe('');
  expect(again.output).toMatch(/resumed at iteration \d+/);
});
