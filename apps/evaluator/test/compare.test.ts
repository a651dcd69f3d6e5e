import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { key, uniforms } from '@srmcmc/core';
import type { Measurement } from '@srmcmc/metrics';
import { beforeAll, describe, expect, it } from 'vitest';
import { npyHeader } from '../src/npy.ts';
import { temporaryFolder } from './checkpoints.ts';
import { evaluate, evaluateOnCpu } from './program.ts';

const folder = temporaryFolder();
const at = (name: string): string => join(folder, name);
const COUNT = 60;
const BYTES = Uint8Array.from(uniforms(key(1), COUNT, 192), (u) => Math.floor(200 * u));

interface Written {
  readonly reference: Record<string, unknown>;
  readonly results: readonly { readonly name: string; readonly measurements: readonly Measurement[] }[];
}

function writeArray(name: string, bytes: Uint8Array): void {
  writeFileSync(at(name), Buffer.concat([npyHeader('uint8', [bytes.length / 192, 8, 8, 3]), bytes]));
}

async function refusal(...args: string[]): Promise<string> {
  const { code, stderr } = await evaluate(['compare', ...args, '--backend', 'cpu']);
  expect(code, stderr).toBe(
    /error: (?:infinity|weights|reference|size|training|resize|inceptionPrecision): /.test(stderr) ? 2 : 1,
  );
  return stderr;
}

const read = (name: string): Written => JSON.parse(readFileSync(at(name), 'utf8')) as Written;
const valuesOf = ({ results }: Written): number[][] =>
  results.map(({ measurements }) => measurements.map(({ value }) => value));

beforeAll(() => {
  writeArray('reference.npy', BYTES);
  for (const shift of [10, 20]) {
    writeArray(
      `brighter-${shift}.npy`,
      BYTES.map((byte) => byte + shift),
    );
  }
  writeArray('few.npy', BYTES.subarray(0, 40 * 192));
});

describe('compare', () => {
  it('puts sets in one table, with the distances that metrics gives, and their differences', async () => {
    const paths = [at('brighter-10.npy'), at('brighter-20.npy')];
    const { stdout } = await evaluateOnCpu(
      ...['compare', ...paths, '--reference', at('reference.npy'), '--json', at('compared.json')],
    );
    const { results, reference } = read('compared.json');
    expect(results.map(({ name }) => name)).toEqual(paths);
    expect(reference).toMatchObject({ data: at('reference.npy'), examples: COUNT });
    const distances = results.map(({ measurements }) => measurements[0]!.value);
    for (const [i, shift] of [10, 20].entries())
      expect(distances[i]).toBeCloseTo(192 * (shift / 255) ** 2, 10);
    expect(stdout).toContain('frechet-distance, pixels 8×8×3');
    const difference = / − .*\nfrechet-distance, pixels 8×8×3 +([\d.]+) ±/.exec(stdout)?.[1];
    expect(Number(difference)).toBeCloseTo(distances[1]! - distances[0]!, 4);
    expect(stdout).toMatch(/counts 60 and 60.*errors by the jackknife, 40 resamplings, seed 0/);
  });

  it('takes results of earlier runs, alone and beside images', async () => {
    const reference = ['--reference', at('reference.npy')];
    const [ten, twenty] = [at('brighter-10.npy'), at('brighter-20.npy')];
    await evaluateOnCpu('metrics', ten, ...reference, '--json', at('ten.json'));
    await evaluateOnCpu('metrics', twenty, ...reference, '--json', at('twenty.json'));
    await evaluateOnCpu('compare', at('ten.json'), at('twenty.json'), '--json', at('both.json'));
    await evaluateOnCpu('compare', at('ten.json'), twenty, ...reference, '--json', at('mixed.json'));
    await evaluateOnCpu('compare', ten, twenty, ...reference, '--json', at('afresh.json'));
    expect(valuesOf(read('both.json'))).toEqual(valuesOf(read('afresh.json')));
    expect(valuesOf(read('mixed.json'))).toEqual(valuesOf(read('afresh.json')));
  });

  it('writes JSON alone to standard output where no file is named', async () => {
    const args = ['compare', at('brighter-10.npy'), '--reference', at('reference.npy'), '--json'];
    const { results } = JSON.parse((await evaluateOnCpu(...args)).stdout) as Written;
    expect(results).toHaveLength(1);
  });

  it('refuses unlike results, and says in what they differ', async () => {
    const metrics = (...args: string[]) => evaluateOnCpu('metrics', at('brighter-10.npy'), ...args);
    const reference = ['--reference', at('reference.npy')];
    await metrics(...reference, '--json', at('a.json'));
    await metrics('--reference', at('brighter-20.npy'), '--json', at('other-reference.json'));
    await metrics(...reference, '--json', at('fewer.json'), '--count', '50');
    await metrics(...reference, '--json', at('pixels.json'), '--features', 'pixels');
    expect(await refusal(at('a.json'), at('other-reference.json'))).toMatch(/reference\.sha256: \w+, \w+/);
    expect(await refusal(at('a.json'), at('fewer.json'))).toContain('computedWith.samples: 60, 50');
    expect(await refusal(at('a.json'), at('pixels.json'))).toMatch(
      /power spectrum 8×8×3: only .*a\.json has it/,
    );
    expect(await refusal(at('few.npy'), at('brighter-10.npy'), ...reference)).toContain(
      'number of images: 40, 60 (--count 40 makes them equal)',
    );
  });

  it('names the reference that images need, and files that hold no results', async () => {
    expect(await refusal(at('brighter-10.npy'))).toContain('reference: ');
    writeFileSync(at('wrong.json'), '{"results": [{}]}');
    writeFileSync(at('cut.json'), '{"results": [{}');
    expect(await refusal(at('wrong.json'))).toContain('is no result of metrics or compare: reference:');
    expect(await refusal(at('cut.json'))).toContain('is not JSON, or cut short');
    expect(await refusal(at('none.json'))).toContain('cannot be read');
  });
});
