import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { convNetwork, paperChannels } from '@srmcmc/energy';
import { nativeStatus } from '@srmcmc/native';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { relativeError } from '../src/comparison.ts';
import { EngineError, EngineProcess, workerCommand } from '../src/engine-process.ts';
import { findPeers } from '../src/engines/peers.ts';
import { writeInputs } from '../src/inputs.ts';
import type { Case } from '../src/protocol.ts';
import { workloads } from '../src/workloads/workloads.ts';

const folder = mkdtempSync(join(tmpdir(), 'srmcmc-bench-test-'));
const inputs = join(folder, 'inputs.safetensors');
const network = convNetwork([32, 32, 3], paperChannels(32, 2), { name: 'leakyRelu', slope: 0.2 });
const langevin: Case = { workload: 'langevin-step', side: 32, width: 2, chains: 3, steps: 2 };
const options = { side: 32, width: 2, chains: 3, steps: 1, learningSteps: 1 };
const all: readonly Case[] = [
  langevin,
  { ...langevin, workload: 'hmc-step' },
  { workload: 'learning-iteration', side: 32, width: 2, chains: 3, steps: 1 },
  ...workloads['learning-part'].cases(options, network),
  ...workloads.convolution.cases(options, network).slice(3, 6),
];
const processes: EngineProcess[] = [];
const start = (options: object): EngineProcess => {
  const environment = { SRMCMC_ISA: 'portable', SRMCMC_THREADS: '1' };
  const process = new EngineProcess('test', workerCommand(options, environment));
  processes.push(process);
  return process;
};

beforeAll(() => writeInputs(inputs, network, workloads.convolution.extraInputs(network)));
afterAll(async () => {
  await Promise.all(processes.map((process) => process.kill()));
  rmSync(folder, { recursive: true });
});

async function checked(process: EngineProcess, one: Case): Promise<{ values: Float32Array; parts: number }> {
  const output = join(folder, 'values.f32');
  await process.request('prepare', { case: one, network, inputs });
  const { parts } = await process.request('check', { output });
  const bytes = await readFile(output);
  return { values: new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4), parts };
}

describe.skipIf(!nativeStatus().available)('a process of the native engine', () => {
  // It stays alive over all of these, as in a measurement.
  let native: EngineProcess;
  beforeAll(() => void (native = start({ backend: 'native', fused: true })));

  it('obeys the instruction set and the threads that it is started with', async () => {
    const description = await native.request('describe', {});
    expect(description.precisions).toEqual({ float32: 'portable', bfloat16: 'portable' });
    expect(description.label).toContain('1 thread');
  });

  it('computes in every workload what the cpu backend computes', async () => {
    const cpu = start({ backend: 'cpu', fused: false });
    for (const one of all) {
      const [ours, theirs] = [await checked(native, one), await checked(cpu, one)];
      expect(ours.values.length, one.workload).toBeGreaterThan(50);
      expect(relativeError(ours.values, theirs.values, ours.parts), one.workload).toBeLessThan(1e-4);
    }
  });

  it('takes samples whose time grows with the number of calls, and says what memory it took', async () => {
    await native.request('prepare', { case: langevin, network, inputs });
    await native.request('run', { calls: 20 });
    const few = await native.request('run', { calls: 10 });
    const many = await native.request('run', { calls: 200 });
    expect(few.seconds).toBeGreaterThan(0);
    expect(many.seconds).toBeGreaterThan(3 * few.seconds);
    expect(many.peakBytes).toBeGreaterThan(30e6);
    expect(many.peakBytes).toBeLessThan(2e9);
    const { float32 } = await native.request('peaks', {});
    expect(float32).toBeGreaterThan(0.5);
  });

  it('refuses a request after its end with an error that says so', async () => {
    await native.kill();
    const refused = native.request('describe', {});
    await expect(refused).rejects.toThrow(EngineError);
    await expect(refused).rejects.toThrow('its process ended (SIGKILL)');
  });
});

it('an engine that has no kernel of all steps says that it cannot do that', async () => {
  const error = await start({ backend: 'cpu', fused: true })
    .request('describe', {})
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    unsupported: true,
    message: expect.stringContaining('no kernel ShortRunLangevin'),
  });
});

describe('a peer that is missing', () => {
  it('is a clear error where there is no such Python', async () => {
    await expect(findPeers(['pytorch'], 'no-such-python')).rejects.toThrow(
      /^peer 'pytorch' is not available: cannot start no-such-python: .*ENOENT.*pip install -r .*requirements.txt; another Python is chosen by --python$/,
    );
  });

  const hasPython = spawnSync('python3', ['--version']).status === 0;
  it.skipIf(!hasPython)('names the library that its Python has not', async () => {
    // Without the site module there is nothing but the standard library.
    const python = join(folder, 'bare-python');
    writeFileSync(python, '#!/bin/sh\nexec python3 -S -E "$@"\n');
    chmodSync(python, 0o755);
    await expect(findPeers(['openvino'], python)).rejects.toThrow(
      /^peer 'openvino' is not available: .*has no openvino and no numpy\. To have it: .*bare-python -m pip install -r/,
    );
  });
});
