import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { relativeError } from '../src/comparison.ts';
import { EngineProcess, workerCommand } from '../src/engine-process.ts';
import type { Case } from '../src/protocol.ts';
import { inceptionCases, inceptionOperations, writeInceptionInputs } from '../src/workloads/inception.ts';

const SLOWEST_MS = 120_000;
const folder = mkdtempSync(join(tmpdir(), 'srmcmc-bench-inception-'));
const inputs = join(folder, 'layers.safetensors');
const processes: EngineProcess[] = [];
/** The first layers alone: the plain backend takes ten seconds an image for all of them. */
const firstLayers: Case = { workload: 'inception', side: 32, width: 64, chains: 2 };
/** The fifth is the first whose products are rounded. */
const nextLayers: Case = { ...firstLayers, width: 192 };

beforeAll(() => writeInceptionInputs(inputs, 192));
afterAll(async () => {
  await Promise.all(processes.map((process) => process.kill()));
  rmSync(folder, { recursive: true });
});

async function features(options: object, one = firstLayers): Promise<Float32Array> {
  const process = new EngineProcess('test', workerCommand(options, { SRMCMC_THREADS: '1' }));
  processes.push(process);
  const output = join(folder, `values-${processes.length}.f32`);
  await process.request('prepare', { case: one, network: null, inputs });
  expect(await process.request('check', { output })).toMatchObject({ images: 2, parts: 2 });
  expect((await process.request('run', { calls: 1 })).seconds).toBeGreaterThan(0);
  const { buffer, byteOffset, length } = readFileSync(output);
  return new Float32Array(buffer.slice(byteOffset, byteOffset + length));
}

it(
  'computes the features that the cpu backend computes, and in bfloat16 nearly those of float32',
  async () => {
    const truth = await features({ backend: 'cpu', fused: false });
    expect(truth.length).toBe(2 * 64);
    const native = await features({ backend: 'native', fused: true });
    expect(relativeError(native, truth, 2)).toBeLessThan(1e-5);
    const [single, mixed] = await Promise.all(
      (['float32', 'bfloat16'] as const).map((precision) =>
        features({ backend: 'native', fused: true, precision }, nextLayers),
      ),
    );
    const rounded = relativeError(mixed!, single!, 2);
    expect(rounded).toBeLessThan(0.02);
    expect(rounded).toBeGreaterThan(1e-5);
  },
  SLOWEST_MS,
);

it('counts the multiply-adds that torchvision publishes for Inception-v3, 5.71 · 10⁹', async () => {
  const [one] = await inceptionCases([16]);
  expect(one).toEqual({ workload: 'inception', side: 32, width: 2048, chains: 16 });
  expect(inceptionOperations(one!) / 2e9).toBeCloseTo(5.71, 2);
  expect(inceptionOperations({ ...one!, width: 768 })).toBeLessThan(inceptionOperations(one!));
});
