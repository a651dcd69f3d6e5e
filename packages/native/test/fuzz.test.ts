import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { describe, expect, test } from 'vitest';

const script = fileURLToPath(new URL('fuzz/run-fuzz.mjs', import.meta.url));

/** SRMCMC_FUZZ_SEED and SRMCMC_FUZZ_CALLS make it another, or a longer one. */
const start = Number(process.env['SRMCMC_FUZZ_SEED'] ?? 1);
const calls = Number(process.env['SRMCMC_FUZZ_CALLS'] ?? 8_000);

describe('whatever the arguments, a function of the addon returns or throws a TypeError or a RangeError', () => {
  test.each([start, start + 1])('seed %i', (seed) => {
    const run = spawnSync(process.execPath, ['--expose-gc', script, String(seed), '0', String(calls)], {
      encoding: 'utf8',
      maxBuffer: 1 << 30,
    });
    const last = run.stdout.trimEnd().split('\n').at(-1)!;
    const end = run.signal ?? `status ${run.status}`;
    expect(end, `seed ${seed}, call ${last}: ${end}\n${run.stderr}`).toBe('status 0');
    expect(last.split(' ')[0]).toBe(String(calls - 1));
  });
});

test('JavaScript threads may end while their jobs run', () => {
  const run = spawnSync(process.execPath, [fileURLToPath(new URL('fuzz/end-workers.mjs', import.meta.url))], {
    encoding: 'utf8',
  });
  expect(run.signal ?? `status ${run.status}`, run.stderr).toBe('status 0');
  expect(run.stdout).toBe('ended\n');
});
