/**
 * Bad input of every kind, through the command line as a user meets it. docs/bad-input.md is the table of these cases:
 * what it says is compared with what is seen, word by word.
 */
import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, serialize } from '@srmcmc/safetensors';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { main } from '../src/command.ts';
import { flags } from '../src/flags.ts';
import { temporaryFolder, tinyFields, writeImages, writeNpy } from './fixtures.ts';

/** One row of the table. */
interface Case {
  readonly input: string;
  /** Prepares what is needed and returns the arguments. */
  readonly arguments: () => string[] | Promise<string[]>;
}

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

const at = (name: string): string => join(folder, name);

/** Flags for fields. */
function flagged(fields: object): string[] {
  return Object.entries(fields).flatMap(([field, value]) => [
    flags.find((flag) => flag.field === field)!.name,
    String(value),
  ]);
}

const tiny = (...more: string[]): string[] => [
  ...flagged({ ...tinyFields, iterations: 5 }),
  '--runs',
  at('runs'),
  ...more,
];
const ofImages = (path: string, ...more: string[]): string[] => [
  ...flagged({ data: path, backend: 'cpu', channels: '3,4', batch: 4, steps: 2, samples: 4, iterations: 2 }),
  '--runs',
  at('runs'),
  ...more,
];

async function run(args: readonly string[]): Promise<{ code: number; output: string; errors: string }> {
  let output = '';
  let errors = '';
  const code = await main(args, {
    stdout: { write: (text) => (output += text) },
    stderr: { write: (text) => (errors += text) },
  });
  return { code, output, errors };
}

/** A finished run of five iterations with checkpoints at 0, 5. */
async function finishedRun(name: string): Promise<string> {
  expect((await run(tiny('--name', name))).errors).toBe('');
  return at(`runs/${name}`);
}

async function checkpointsOf(path: string): Promise<string[]> {
  return (await readdir(join(path, 'checkpoints'))).sort().map((name) => join(path, 'checkpoints', name));
}

async function configFile(name: string, content: object | string): Promise<string> {
  await writeFile(at(name), typeof content === 'string' ? content : JSON.stringify(content));
  return at(name);
}

async function mapCheckpoint(
  path: string,
  map: (metadata: Record<string, string>) => Record<string, string>,
): Promise<void> {
  const { tensors, metadata } = parse(await readFile(path));
  await writeFile(path, serialize({ tensors, metadata: map({ ...metadata }) }));
}

const cases: readonly Case[] = [
  { input: 'an unknown flag', arguments: () => ['--lerning-rate', '1'] },
  { input: 'a flag without its value', arguments: () => ['--steps'] },
  { input: 'a word where a number belongs', arguments: () => ['--steps', 'many'] },
  { input: 'K = 0', arguments: () => ['--steps', '0'] },
  { input: 'an unknown preset', arguments: () => ['--preset', 'fast'] },
  { input: 'a configuration that is not there', arguments: () => ['--config', at('absent.json')] },
  {
    input: 'a configuration that is not JSON',
    arguments: async () => ['--config', await configFile('text.json', 'steps: 3')],
  },
  {
    input: 'a configuration with an unknown field',
    arguments: async () => ['--config', await configFile('unknown.json', { step: 3 })],
  },
  {
    input: 'a configuration of an older version',
    arguments: async () => ['--config', await configFile('old.json', { version: 0 })],
  },
  {
    input: 'a configuration of a newer version',
    arguments: async () => ['--config', await configFile('new.json', { version: 2 })],
  },
  { input: 'a data set that is not there', arguments: () => tiny('--data', at('absent')) },
  {
    input: 'a preset that needs --data, without it',
    arguments: () => ['--preset', 'celeba-paper', '--backend', 'cpu'],
  },
  {
    input: 'a truncated CIFAR-10 file',
    arguments: async () => {
      await mkdir(at('cifar'));
      await writeFile(at('cifar/data_batch_1.bin'), new Uint8Array(3073 * 5 + 100));
      return ofImages(at('cifar'), '--subset', '8');
    },
  },
  {
    input: 'images that are not square',
    arguments: async () => ofImages(await writeNpy(at('wide.npy'), [8, 4, 6, 3], new Uint8Array(8 * 72))),
  },
  {
    input: 'NaN in the data',
    arguments: async () => {
      const values = new Float32Array(64).fill(0.5);
      values[33] = NaN;
      return [...tiny('--data', await writeNpy(at('nan.npy'), [32, 2], values)), '--subset', 'none'];
    },
  },
  { input: 'a batch larger than the data set', arguments: () => ofImages(images, '--batch', '65') },
  { input: 'a subset larger than the data set', arguments: () => ofImages(images, '--subset', '65') },
  {
    input: 'more layers than the image can be halved',
    arguments: () => ofImages(images, '--channels', '2,2,2,2,2'),
  },
  {
    input: 'initial weights that are not there',
    arguments: () => ofImages(images, '--init-weights', at('absent.pth')),
  },
  {
    input: 'initial weights that are damaged',
    arguments: async () => {
      await writeFile(at('damaged.pth'), 'PK but no archive');
      return ofImages(images, '--init-weights', at('damaged.pth'));
    },
  },
  {
    input: 'initial weights of a net for other images',
    arguments: async () => {
      expect((await run(ofImages(images, '--export', at('side8.safetensors')))).errors).toBe('');
      const large = await writeNpy(at('large.npy'), [8, 16, 16, 3], new Uint8Array(8 * 768));
      return ofImages(large, '--init-weights', at('side8.safetensors'));
    },
  },
  {
    input: 'a weights file of unknown kind',
    arguments: () => ofImages(images, '--export', at('weights.onnx')),
  },
  {
    input: 'a weights file that cannot be written',
    arguments: () => ofImages(images, '--export', at('nowhere/weights.pth')),
  },
  { input: '--resume where there is no run', arguments: () => tiny('--resume', 'absent') },
  {
    input: '--resume with another learning rate',
    arguments: async () => {
      await finishedRun('changed');
      return tiny('--name', 'changed', '--resume', '--learning-rate', '0.5');
    },
  },
  {
    input: '--resume of a run that another process is at',
    arguments: async () => {
      await finishedRun('busy');
      await writeFile(at('runs/busy/lock.json'), JSON.stringify({ pid: 4711, host: 'elsewhere' }));
      return tiny('--name', 'busy', '--resume');
    },
  },
  {
    input: '--resume with fewer iterations than made',
    arguments: async () => {
      await finishedRun('further');
      return tiny('--name', 'further', '--resume', '--iterations', '3');
    },
  },
  {
    input: '--resume when every checkpoint is damaged',
    arguments: async () => {
      for (const path of await checkpointsOf(await finishedRun('hopeless'))) await truncate(path, 4);
      return tiny('--name', 'hopeless', '--resume');
    },
  },
  {
    input: '--resume with a checkpoint of a newer version',
    arguments: async () => {
      const newest = (await checkpointsOf(await finishedRun('newer'))).at(-1)!;
      await mapCheckpoint(newest, (metadata) => ({ ...metadata, version: '2' }));
      return tiny('--name', 'newer', '--resume');
    },
  },
  {
    input: 'export of a file that is no checkpoint',
    arguments: async () => {
      await copyFile(images, at('foreign.safetensors'));
      return ['export', at('foreign.safetensors'), at('out.pth')];
    },
  },
  {
    input: "export of another program's safetensors",
    arguments: async () => {
      await writeFile(at('other.safetensors'), serialize({ tensors: [] }));
      return ['export', at('other.safetensors'), at('out.pth')];
    },
  },
  { input: 'a runs folder that is a file', arguments: () => tiny('--runs', images) },
  { input: 'a runs folder under a file', arguments: () => tiny('--runs', join(images, 'runs')) },
  {
    input: 'learning that diverges again and again',
    arguments: () => tiny('--name', 'wild', '--learning-rate', '1e30', '--max-rollbacks', '1'),
  },
  {
    input: 'persistent chains fewer than a batch',
    arguments: () => tiny('--chains', 'persistent', '--buffer-size', '3'),
  },
];

/** The table of the document: input to what it says. */
async function documented(): Promise<Map<string, { message: string; code: string }>> {
  const page = await readFile(fileURLToPath(new URL('../../../docs/bad-input.md', import.meta.url)), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('| ') && !/^\| (-+ \||Input )/.test(line));
  return new Map(
    rows.map((row) => {
      const [input, message, code] = row
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('\\|', '|'));
      return [input!, { message: message!.replace(/^`+ ?|`+$/g, ''), code: code! }];
    }),
  );
}

/** Absolute paths and Node's own wording vary from machine to machine. */
function general(errors: string): string {
  return errors.trim().replaceAll(`${folder}/`, '').replaceAll('\n', ' ');
}

describe('bad input', () => {
  for (const { input, arguments: prepare } of cases) {
    test(`${input}: one or two lines that say what to do, as documented`, async () => {
      const { code, errors } = await run(await prepare());
      expect(errors).toMatch(/^error: /);
      expect(errors.trim().split('\n').length).toBeLessThanOrEqual(2);
      expect({ message: general(errors), code: String(code) }).toEqual((await documented()).get(input));
    });
  }

  test('every row of the document is a case here', async () => {
    expect([...(await documented()).keys()]).toEqual(cases.map(({ input }) => input));
  });
});

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
