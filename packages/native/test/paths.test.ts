import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { describe, expect, test } from 'vitest';

import { nativeStatus } from '../src/index.ts';
import { relativeError } from './setup.ts';

interface Run {
  readonly instructionSet: string;
  readonly threads: number;
  readonly outputs: Readonly<Record<string, string>>;
}

function run(instructionSet: string, threads: number): Run {
  const script = fileURLToPath(new URL('paths/run-kernels.mjs', import.meta.url));
  const stdout = execFileSync(process.execPath, [script], {
    env: { ...process.env, SRMCMC_ISA: instructionSet, SRMCMC_THREADS: String(threads) },
    maxBuffer: 1 << 28,
    encoding: 'utf8',
  });
  return JSON.parse(stdout) as Run;
}

function values(base64: string): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(base64, 'base64'));
  return new Float32Array(bytes.buffer);
}

const ORDER = ['portable', 'avx2', 'avx512'];
const best = nativeStatus().instructionSet!;
const supported = ORDER.slice(0, ORDER.indexOf(best) + 1);

describe.each(supported)('%s kernels', (instructionSet) => {
  const alone = run(instructionSet, 1);

  test('SRMCMC_ISA and SRMCMC_THREADS are obeyed', () => {
    expect(alone).toMatchObject({ instructionSet, threads: 1 });
  });

  test.each([2, 3])('give the same bits on 1 and %d threads', (threads) => {
    const together = run(instructionSet, threads);
    expect(together.threads).toBe(threads);
    expect(together.outputs).toEqual(alone.outputs);
  });

  test('agree with the portable kernels', () => {
    const portable = run('portable', 1);
    expect(Object.keys(alone.outputs).length).toBeGreaterThan(100);
    for (const [name, output] of Object.entries(alone.outputs))
      expect(relativeError(values(output), values(portable.outputs[name]!)), name).toBeLessThan(3e-6);
  });
});
