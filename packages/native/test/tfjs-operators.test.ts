import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { expect, test } from 'vitest';

import { BACKEND_NAME } from '../src/index.ts';

interface Result {
  readonly passed: number;
  readonly failed: readonly string[];
}

/** TensorFlow.js 4.22 has this many tests of operators, gradients and optimizers that apply to a Node backend. */
const LEAST_TESTS = 3500;

test(
  "TensorFlow.js's own operator, gradient and optimizer tests pass on the backend",
  { timeout: 300_000 },
  async () => {
    const script = fileURLToPath(new URL('tfjs/run-operators.mjs', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [script, BACKEND_NAME], {
      maxBuffer: 1 << 26,
    });
    const result = JSON.parse(stdout.trim().split('\n').at(-1)!) as Result;
    console.log(`${result.passed} of TensorFlow.js's tests passed`);
    expect(result.failed).toEqual([]);
    expect(result.passed).toBeGreaterThan(LEAST_TESTS);
  },
);
