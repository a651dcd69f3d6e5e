/** What chains and Inception are computed in: by flag, and never mixed up. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { selectBackend } from '@srmcmc/backends';
import { key, uniforms } from '@srmcmc/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { npyHeader } from '../src/npy.ts';
import { temporaryFolder, writeImageCheckpoint } from './checkpoints.ts';
import { writeInceptionWeights } from './inception-weights.ts';
import { evaluate, type Outcome } from './program.ts';

const folder = temporaryFolder();
const at = (name: string): string => join(folder, name);
const model = at('images.safetensors');
const COUNT = 16;
const SLOWEST_MS = 60_000;

const isNative = await selectBackend('native').then(
  () => true,
  () => false,
);

async function native(...args: string[]): Promise<Outcome> {
  const outcome = await evaluate([...args, '--backend', 'native']);
  if (outcome.code !== 0) throw new Error(outcome.stderr);
  return outcome;
}

beforeAll(async () => {
  await writeImageCheckpoint(model);
  writeInceptionWeights(at('inception.safetensors'));
  for (const name of ['a', 'b']) {
    const bytes = Uint8Array.from(uniforms(key(name.charCodeAt(0)), COUNT, 192), (u) => Math.floor(255 * u));
    writeFileSync(at(`${name}.npy`), Buffer.concat([npyHeader('uint8', [COUNT, 8, 8, 3]), bytes]));
  }
});

describe.skipIf(!isNative)('--precision', () => {
  it('decides what chains are computed in, and is told with the backend', async () => {
    const draw = async (precision: string): Promise<{ values: Buffer; stderr: string }> => {
      const out = at(`${precision}.npy`);
      const { stderr } = await native('samples', model, '--out', out, '--precision', precision);
      return { values: readFileSync(out), stderr };
    };
    const [single, again, rounded] = [await draw('float32'), await draw('float32'), await draw('bfloat16')];
    expect(single.stderr).toContain('native (float32, ');
    expect(rounded.stderr).toContain('native (bfloat16, ');
    expect(again.values.equals(single.values)).toBe(true);
    expect(rounded.values.equals(single.values)).toBe(false);
  });
});

describe('--precision', () => {
  it('is bfloat16 on the native backend alone, and no other word', async () => {
    const flags = ['samples', model, '--out', at('none.npy'), '--backend', 'cpu'];
    const refused = await evaluate([...flags, '--precision', 'bfloat16']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("precision: bfloat16 is the native backend's");
    const unknown = await evaluate([...flags, '--precision', 'half']);
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain("precision: must be one of auto, float32, bfloat16, got 'half'");
  });
});

describe.skipIf(!isNative)('--inception-precision', () => {
  const weights = (): string[] => ['--weights', at('inception.safetensors')];
  const metrics = (precision: string, ...args: string[]) =>
    native('metrics', at('a.npy'), ...weights(), '--inception-precision', precision, ...args);

  it(
    'goes with the numbers, so that results of unlike ones are not compared',
    async () => {
      const reference = ['--reference', at('b.npy')];
      const { stdout } = await metrics('mixed', ...reference);
      expect(stdout).toMatch(/frechet-distance .* mixed /);
      await metrics('mixed', ...reference, '--json', at('mixed.json'));
      await metrics('float32', ...reference, '--json', at('float32.json'));
      const { code, stderr } = await evaluate(['compare', at('mixed.json'), at('float32.json')]);
      expect(code).toBe(1);
      expect(stderr).toContain('computedWith.features.precision: mixed, float32');
    },
    SLOWEST_MS,
  );

  it(
    'goes with statistics, which are refused by images of another',
    async () => {
      const { stdout } = await native(
        ...['stats', at('b.npy'), '--out', at('b.npz'), '--inception-precision', 'mixed', ...weights()],
      );
      expect(stdout).toContain('(torch-fidelity, mixed)');
      await metrics('mixed', '--reference', at('b.npz'));
      await expect(metrics('float32', '--reference', at('b.npz'))).rejects.toThrow(
        'precision: float32, mixed',
      );
    },
    SLOWEST_MS,
  );
});

it('--inception-precision mixed is refused where no backend has it', async () => {
  const { code, stderr } = await evaluate([
    ...['metrics', at('a.npy'), '--reference', at('b.npy'), '--weights', at('inception.safetensors')],
    ...['--inception-precision', 'mixed', '--backend', 'cpu'],
  ]);
  expect(code).toBe(2);
  expect(stderr).toContain("mixed is the native backend's");
});
