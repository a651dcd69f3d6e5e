/** The published weights and CIFAR-10: the program's numbers are those of the field's reference. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { selectBackend } from '@srmcmc/backends';
import { key, uniforms } from '@srmcmc/core';
import { cifar10 } from '@srmcmc/datasets';
import type { Measurement } from '@srmcmc/metrics';
import { beforeAll, describe, expect, it } from 'vitest';
import { npyHeader } from '../src/npy.ts';
import { temporaryFolder } from './checkpoints.ts';
import { evaluate } from './program.ts';

const repository = fileURLToPath(new URL('../../..', import.meta.url));
const weights = resolve(
  process.env['SRMCMC_INCEPTION_WEIGHTS'] ??
    join(repository, '../shared/weights/inception-2015-12-05-to-mixed-6e.safetensors'),
);

interface Golden {
  readonly sha256: Readonly<Record<string, string>>;
  readonly [count: string]: { readonly distances?: Readonly<Record<string, number>> };
}

const golden = JSON.parse(
  readFileSync(new URL('goldens/cifar10-fid-768.json', import.meta.url), 'utf8'),
) as Golden;
/** Images of each set. 40 take seconds; SRMCMC_FID_IMAGES=1000, the other number that there are goldens of, minutes. */
const COUNT = Number(process.env['SRMCMC_FID_IMAGES'] ?? 40);
const ALL = 1000;
const STRIDE = 3072;
const FOUR_DIGITS = 5e-5;
/** What bfloat16 may move a number that is compared with others'. */
const A_THOUSANDTH = 1e-3;
const LONGEST_MS = 1_800_000;
const NOISES = [16, 64] as const;

const isNative = await selectBackend('native').then(
  () => true,
  () => false,
);

const folder = temporaryFolder();
const at = (name: string): string => join(folder, `${name}.npy`);

/** Uniform noise of up to `strength` grey levels, as make.py has it. */
function noisy(images: Uint8Array, strength: number): Uint8Array {
  const u = uniforms(key(7), ALL, STRIDE, strength);
  return Uint8Array.from(images, (byte, i) =>
    Math.min(255, Math.max(0, byte + Math.floor(strength * (2 * u[i]! - 1)))),
  );
}

async function firstOf(split: 'train' | 'test'): Promise<Uint8Array> {
  const dataset = await cifar10({ split, subset: ALL });
  return (await dataset.gather(Uint32Array.from({ length: ALL }, (_, i) => i))) as Uint8Array;
}

describe.skipIf(!existsSync(weights))(`FID-768 with the published weights (${weights})`, () => {
  const sets = new Map<string, Uint8Array>();

  beforeAll(async () => {
    const test = await firstOf('test');
    sets.set('train', await firstOf('train')).set('test', test);
    for (const strength of NOISES) sets.set(`test, noise ${strength}`, noisy(test, strength));
    for (const [name, images] of sets) {
      const header = npyHeader('uint8', [COUNT, 32, 32, 3]);
      writeFileSync(at(name), Buffer.concat([header, images.subarray(0, COUNT * STRIDE)]));
    }
  });

  it('is of the images that torch-fidelity was given', () => {
    for (const [name, images] of sets) {
      expect(createHash('sha256').update(images).digest('hex')).toBe(golden.sha256[name]);
    }
  });

  /** How far each set's distance is from the reference's, as a fraction of that. */
  async function errors(precision: 'float32' | 'mixed'): Promise<number[]> {
    const names = [...sets.keys()].filter((name) => name !== 'train');
    const { code, stdout, stderr } = await evaluate([
      ...['compare', ...names.map(at), '--reference', at('train'), '--weights', weights],
      ...['--inception-precision', precision, '--features', '768', '--errors', 'none', '--json'],
    ]);
    expect(stderr).not.toContain('error:');
    expect(code).toBe(0);
    const { results } = JSON.parse(stdout) as { results: { measurements: Measurement[] }[] };
    expect(results).toHaveLength(names.length);
    return names.map((name, i) => {
      const { value, computedWith } = results[i]!.measurements[0]!;
      expect(computedWith.samples).toBe(COUNT);
      return Math.abs(value / golden[COUNT]!.distances![name]! - 1);
    });
  }

  it(
    `of ${COUNT} CIFAR-10 training images, and test images with and without noise, is the reference's to 4 digits`,
    async () => {
      for (const error of await errors('float32')) expect(error).toBeLessThan(FOUR_DIGITS);
    },
    LONGEST_MS,
  );

  it.skipIf(!isNative)(
    `of ${COUNT} images each in mixed precision is within 0.1 % of that, and not equal to it`,
    async () => {
      for (const error of await errors('mixed')) {
        expect(error).toBeLessThan(A_THOUSANDTH);
        expect(error).toBeGreaterThan(0);
      }
    },
    LONGEST_MS,
  );
});
