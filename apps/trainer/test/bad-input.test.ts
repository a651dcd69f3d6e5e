/**
 * Bad input of every kind, through the command line as a user meets it. docs/bad-input.md is the table of these cases:
 * what it says is compared with what is seen, word by word.
 */
import { copyFile, mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, serialize } from '@srmcmc/safetensors';
import { beforeAll, describe, expect, test } from 'vitest';
import { commandIn } from './command-in.ts';
import { temporaryFolder, writeImages, writeNpy } from './fixtures.ts';

/** One row of the table. */
interface Case {
  readonly input: string;
  /** Prepares what is needed and returns the arguments. */
  readonly arguments: () => string[] | Promise<string[]>;
}

let folder: string;
let images: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  images = await writeImages(folder);
});

const { at, tiny, ofImages, run, finishedRun, checkpointsOf, cutFolder } = commandIn(() => folder);

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
  { input: 'a flag where the value of another belongs', arguments: () => ['--steps', '--seed', '3'] },
  { input: 'a word where a number belongs', arguments: () => ['--steps', 'many'] },
  { input: 'K = 0', arguments: () => ['--steps', '0'] },
  { input: 'more steps than memory holds', arguments: () => ['--steps', '1e9'] },
  { input: 'a name that is no folder of its own', arguments: () => tiny('--name', '..') },
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
    input: 'a configuration with a field that JavaScript knows',
    arguments: async () => ['--config', await configFile('inherited.json', { constructor: 2 })],
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
  {
    input: 'images whose floats are not in [-1, 1]',
    arguments: async () => {
      const values = Float32Array.from({ length: 8 * 192 }, (_, i) => (i * 162.5) % 256);
      return ofImages(await writeNpy(at('bright.npy'), [8, 8, 8, 3], values));
    },
  },
  {
    input: 'an array without examples',
    arguments: async () => ofImages(await writeNpy(at('empty.npy'), [0, 8, 8, 3], new Uint8Array())),
  },
  {
    input: 'an array of one axis',
    arguments: async () => ofImages(await writeNpy(at('flat.npy'), [8], new Uint8Array(8))),
  },
  {
    input: 'an image that is cut short',
    arguments: async () => ofImages(await cutFolder('cut'), '--name', 'cut'),
  },
  {
    input: '--image-side where there is no folder of images',
    arguments: () => ofImages(images, '--image-side', '16'),
  },
  { input: '--crop where there is no folder of images', arguments: () => ofImages(images, '--crop', '5') },
  { input: '--skip-bad where there is no folder of images', arguments: () => ofImages(images, '--skip-bad') },
  { input: 'a batch larger than the data set', arguments: () => ofImages(images, '--batch', '65') },
  { input: 'a subset larger than the data set', arguments: () => ofImages(images, '--subset', '65') },
  {
    input: 'more layers than the image can be halved',
    arguments: () => ofImages(images, '--channels', '2,2,2,2,2'),
  },
  { input: 'a net larger than the memory', arguments: () => ofImages(images, '--channels', '1e6') },
  {
    input: 'more samples than a picture has room for',
    arguments: () => ofImages(images, '--samples', '900000'),
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
    input: 'initial weights of other channels than --channels',
    arguments: async () => {
      expect((await run(ofImages(images, '--export', at('net.pth')))).errors).toBe('');
      return ofImages(images, '--init-weights', at('net.pth'), '--channels', '8');
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
  { input: 'report of what is no run', arguments: () => ['report', at('nope')] },
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
  { input: 'a runs folder without a name', arguments: () => tiny('--runs', '') },
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

/** Absolute paths and memory vary from machine to machine. */
function general(errors: string): string {
  return errors
    .trim()
    .replaceAll(`${folder}/`, '')
    .replace(/this machine has [\d.]+ GB/, 'this machine has 16 GB')
    .replaceAll('\n', ' ');
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
