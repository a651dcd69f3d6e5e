/** The command line as a user meets it, in a folder of the tests' own. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { key, uniforms } from '@srmcmc/core';
import sharp from 'sharp';
import { expect } from 'vitest';
import { main } from '../src/command.ts';
import { flags } from '../src/flags.ts';
import { tinyFields } from './fixtures.ts';

/** Flags for fields. */
export function flagged(fields: object): string[] {
  return Object.entries(fields).flatMap(([field, value]) => [
    flags.find((flag) => flag.field === field)!.name,
    String(value),
  ]);
}

/** What tests of the command line call; `folder` is known once they run. */
export function commandIn(folder: () => string) {
  const at = (name: string): string => join(folder(), name);

  const tiny = (...more: string[]): string[] => [
    ...flagged({ ...tinyFields, iterations: 5 }),
    '--runs',
    at('runs'),
    ...more,
  ];
  const ofImages = (path: string, ...more: string[]): string[] => [
    ...flagged({
      data: path,
      backend: 'cpu',
      channels: '3,4',
      batch: 4,
      steps: 2,
      samples: 4,
      iterations: 2,
    }),
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

  /** Four images of 8 × 8, of which the third has lost its end, and of which a batch of four has all. */
  async function cutFolder(name: string): Promise<string> {
    await mkdir(at(name));
    for (let i = 0; i < 4; i++) {
      const pixels = uniforms(key(i), 1, 192).map((u) => 256 * u);
      const raw = { width: 8, height: 8, channels: 3 } as const;
      const png = await sharp(Uint8Array.from(pixels), { raw }).png().toBuffer();
      await writeFile(join(at(name), `${i}.png`), i === 2 ? png.subarray(0, 100) : png);
    }
    return at(name);
  }

  return { at, tiny, ofImages, run, finishedRun, checkpointsOf, cutFolder };
}
