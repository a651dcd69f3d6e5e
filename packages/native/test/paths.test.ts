import { execFileSync, spawnSync } from 'node:child_process';
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

test.each([
  ['avx5', '999', [/SRMCMC_ISA=avx5 is none/, /SRMCMC_THREADS=999 is not a number of threads from 1 to 256/]],
  ['', 'three', [/SRMCMC_THREADS=three is not/]],
  ['portable', '256', []],
])(
  'SRMCMC_ISA=%s and SRMCMC_THREADS=%s are told of where they are asked for in vain',
  (isa, count, warnings) => {
    const source = new URL('../src/index.ts', import.meta.url).href;
    const script = `import { nativeStatus } from '${source}'; nativeStatus();`;
    const { stderr } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      cwd: fileURLToPath(new URL('../../..', import.meta.url)),
      env: { ...process.env, SRMCMC_ISA: isa, SRMCMC_THREADS: count },
      encoding: 'utf8',
    });
    expect(stderr.match(/Warning: SRMCMC/g) ?? []).toHaveLength(warnings.length);
    for (const warning of warnings) expect(stderr).toMatch(warning);
  },
);

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
    for (const [name, output] of Object.entries(alone.outputs)) {
      // Relative to 6 or 1 at most, where the sums before it, of up to 1536 products, may be larger.
      const bound = /relu6|sigmoid/.test(name) ? 5e-6 : 3e-6;
      expect(relativeError(values(output), values(portable.outputs[name]!)), name).toBeLessThan(bound);
    }
  });
});
