import { readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { checkpointName } from '@srmcmc/checkpoint';
import { serializeStateDict } from '@srmcmc/pth';
import { fromTypedArray, type RawTensor, serialize } from '@srmcmc/safetensors';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Inspection } from '../src/inspection.ts';
import { temporaryFolder, writeImageCheckpoint, writePointCheckpoint } from './checkpoints.ts';
import { evaluate } from './program.ts';

const run = temporaryFolder();
const newest = join(run, 'checkpoints', checkpointName(20));

beforeAll(async () => {
  await mkdir(join(run, 'checkpoints'));
  await writeImageCheckpoint(join(run, 'checkpoints', checkpointName(10)), { iteration: 10 });
  await writeImageCheckpoint(newest, { iteration: 20 });
});

async function inspected(path: string): Promise<Inspection> {
  const { code, stdout, stderr } = await evaluate(['inspect', path, '--json']);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return JSON.parse(stdout) as Inspection;
}

describe('inspect', () => {
  it("takes a run's newest checkpoint, and tells its iteration, sampler and configuration", async () => {
    const { path, kind, run: found } = await inspected(run);
    expect([path, kind]).toEqual([newest, 'checkpoint']);
    expect(found).toMatchObject({
      iteration: 20,
      optimizerSteps: 12,
      sampler: { drift: 1, noise: 0.01, steps: 4 },
      config: { data: 'rings' },
    });
  });

  it('counts the parameters and multiplications of each layer', async () => {
    const { network, tensors } = await inspected(newest);
    expect(network!.layers.map(({ outputShape, parameters }) => [outputShape, parameters])).toEqual([
      [[8, 8, 4], 3 * 3 * 3 * 4 + 4],
      [[4, 4, 8], 4 * 4 * 4 * 8 + 8],
      [[1, 1, 1], 4 * 4 * 8 + 1],
    ]);
    expect(network!.parameters).toBe(112 + 520 + 129);
    expect(network!.multiplyAccumulates).toBe(64 * 27 * 4 + 16 * 64 * 8 + 128);
    const elements = tensors.map(({ shape }) => shape.reduce((a, b) => a * b, 1));
    expect(elements.reduce((a, b) => a + b)).toBe(network!.parameters);

    const points = join(run, 'points.safetensors');
    await writePointCheckpoint(points, 2);
    expect((await inspected(points)).network).toMatchObject({
      kind: 'mlp',
      parameters: 65,
      multiplyAccumulates: 48,
    });
  });

  it('reads the state dict of the paper’s program, nested in a .pth or not, and finds the net in it', async () => {
    const tensors = new Map([
      ['f.0.weight', fromTypedArray(new Float32Array(4 * 3 * 9).fill(0.5), [4, 3, 3, 3], 'F32')],
      ['f.0.bias', fromTypedArray(new Float32Array(4), [4], 'F32')],
      ['f.2.weight', fromTypedArray(new Float32Array(4 * 64), [1, 4, 8, 8], 'F32')],
      ['f.2.bias', fromTypedArray(new Float32Array(1), [1], 'F32')],
    ]);
    const path = join(run, 'weights.pth');
    writeFileSync(path, serializeStateDict(tensors));
    const { kind, network, tensors: found } = await inspected(path);
    expect(kind).toBe('pth');
    expect(network).toMatchObject({ inputShape: [8, 8, 3], parameters: 112 + 257 });
    expect(found[0]).toMatchObject({ name: 'f.0.weight', shape: [4, 3, 3, 3], min: 0.5, max: 0.5 });
    expect(found[0]!.norm).toBeCloseTo(0.5 * Math.sqrt(108), 6);
  });

  it('summarises the finite elements of any tensors, of any dtype, and counts the others', async () => {
    const path = join(run, 'any.safetensors');
    const tensors = new Map<string, RawTensor>([
      ['doubles', fromTypedArray(Float64Array.of(3, -4, NaN, Infinity), [2, 2], 'F64')],
      ['integers', fromTypedArray(BigInt64Array.of(-7n, 24n), [2], 'I64')],
      ['none', fromTypedArray(new Float32Array(), [0, 3], 'F32')],
      ['lost', fromTypedArray(Float32Array.of(NaN), [1], 'F32')],
    ]);
    writeFileSync(path, serialize({ tensors, metadata: { made: 'here' } }));
    const found = await inspected(path);
    expect(found.network).toBeUndefined();
    expect(found.metadata).toEqual({ made: 'here' });
    const byName = Object.fromEntries(found.tensors.map(({ name, ...rest }) => [name, rest]));
    expect(byName.doubles).toEqual({ dtype: 'F64', shape: [2, 2], min: -4, max: 3, norm: 5, notFinite: 2 });
    expect(byName.integers).toEqual({ dtype: 'I64', shape: [2], min: -7, max: 24, norm: 25, notFinite: 0 });
    expect(byName.none).toMatchObject({ min: null, max: null, norm: null });
    expect(byName.lost).toMatchObject({ min: null, notFinite: 1 });
  });

  it('prints tables for people', async () => {
    const { stdout } = await evaluate(['inspect', newest]);
    expect(stdout).toContain('x ← x + 1 f′(x) + 0.01 U, K = 4 times from uniform on [-1, 1]');
    expect(stdout).toMatch(/f\.2\s+conv 4×4 stride 2 padding 1, 4 → 8\s+\[4, 4, 8\]\s+520/);
    expect(stdout).toMatch(/f\.0\.weight\s+F32\s+\[4, 3, 3, 3\]/);
  });

  it('refuses a checkpoint with one altered byte, in one line', async () => {
    const bytes = readFileSync(newest);
    bytes[bytes.length - 10]! ^= 1;
    const path = join(run, 'altered.safetensors');
    writeFileSync(path, bytes);
    const { code, stdout, stderr } = await evaluate(['inspect', path]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^error: .*SHA-256 does not match.*\n$/);
  });
});
