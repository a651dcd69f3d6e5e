import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { elements, foldIn, key, normals } from '@srmcmc/core';
import { type ClassifierWeights, classifierFile, loadClassifierWeights } from '@srmcmc/metrics';
import { fromFloat32, serialize } from '@srmcmc/safetensors';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { npyHeader } from '../src/npy.ts';
import { temporaryFolder } from './checkpoints.ts';
import { evaluate, evaluateOnCpu } from './program.ts';

const folder = temporaryFolder();
const at = (name: string): string => join(folder, name);
const SHAPE = [32, 32, 3];
const COUNT = 24;

/** Noise of a strength about grey. */
function images(seed: number, count: number, strength: number): Uint8Array {
  const values = normals(key(seed), count, elements(SHAPE)).map((z) => 128 + strength * z);
  return new Uint8Array(Uint8ClampedArray.from(values).buffer);
}

function write(name: string, bytes: Uint8Array): string {
  writeFileSync(
    at(name),
    Buffer.concat([npyHeader('uint8', [bytes.length / elements(SHAPE), ...SHAPE]), bytes]),
  );
  return at(name);
}

/** A classifier that has learned nothing: a minute of learning on this backend would prove no more here. */
function writeWeights(): void {
  const filters = [
    [5, 5, 3, 32],
    [3, 3, 32, 48],
    [3, 3, 48, 96],
    [3, 3, 96, 96],
    [3, 3, 96, 160],
    [160, 10],
  ];
  const tensors = filters.flatMap((shape, i) => {
    const name = i === 5 ? 'linear' : `conv${i + 1}`;
    const scale = Math.sqrt(2 / elements(shape.slice(0, -1)));
    const values = normals(foldIn(key(9), i), 1, elements(shape)).map((z) => scale * z);
    const bias = new Float32Array(shape.at(-1)!);
    return [
      [`${name}.weight`, fromFloat32(values, shape)] as const,
      [`${name}.bias`, fromFloat32(bias, [bias.length])] as const,
    ];
  });
  mkdirSync(dirname(classifierFile()), { recursive: true });
  const metadata = { format: 'srmcmc-cifar10-classifier', version: '1' };
  writeFileSync(classifierFile(), serialize({ tensors, metadata }));
}

const cache = process.env.XDG_CACHE_HOME;
let weights: ClassifierWeights;
beforeAll(async () => {
  process.env.XDG_CACHE_HOME = at('cache');
  writeWeights();
  weights = await loadClassifierWeights();
  write('a.npy', images(2, COUNT, 40));
  write('b.npy', images(3, COUNT, 40));
  write('strong.npy', images(4, COUNT, 80));
});
afterAll(() => {
  if (cache === undefined) delete process.env.XDG_CACHE_HOME;
  else process.env.XDG_CACHE_HOME = cache;
});

async function measured(a: string, b: string) {
  const flags = ['--reference', b, '--features', 'classifier', '--json', at('out.json')];
  const { stderr } = await evaluateOnCpu('metrics', a, ...flags);
  const { measurements } = JSON.parse(readFileSync(at('out.json'), 'utf8')) as {
    measurements: { metric: string; value: number; computedWith: { features: Record<string, unknown> } }[];
  };
  return { stderr, measurements };
}

describe('--features classifier', () => {
  it('measures by the weights of the cache folder, which it names: distances, neighbours, and a score by its own name', async () => {
    const near = await measured(at('a.npy'), at('b.npy'));
    expect(near.stderr).toContain(`classifier of CIFAR-10: SHA-256 ${weights.sha256.slice(0, 8)}`);
    expect(near.measurements.map(({ metric }) => metric)).toEqual([
      'frechet-distance',
      'kernel-distance',
      'precision',
      'recall',
      'density',
      'coverage',
      'classifier-score',
    ]);
    for (const { computedWith } of near.measurements) {
      expect(computedWith.features.weights).toBe(weights.sha256);
    }
    const far = await measured(at('strong.npy'), at('b.npy'));
    expect(far.measurements[0]!.value).toBeGreaterThan(2 * near.measurements[0]!.value);
  });

  it('makes statistics that are refused beside those of other weights', async () => {
    const file = at('statistics.safetensors');
    await evaluateOnCpu('stats', at('b.npy'), '--features', 'classifier', '--out', file);
    const known = await measured(at('a.npy'), file);
    expect(known.measurements[0]!.metric).toBe('frechet-distance');
    const bytes = readFileSync(classifierFile());
    const other = Buffer.from(bytes);
    other.writeFloatLE(bytes.readFloatLE(bytes.length - 4) + 1, bytes.length - 4);
    writeFileSync(classifierFile(), other);
    const flags = ['--reference', file, '--features', 'classifier', '--backend', 'cpu'];
    const { code, stderr } = await evaluate(['metrics', at('a.npy'), ...flags]);
    writeFileSync(classifierFile(), bytes);
    expect(code).toBe(1);
    expect(stderr).toContain(`weights:`);
    expect(stderr).toContain('cannot be compared');
  });

  it('refuses images of another size, and weights of Inception beside it', async () => {
    writeFileSync(at('small.npy'), Buffer.concat([npyHeader('uint8', [2, 8, 8, 3]), new Uint8Array(384)]));
    const refused = async (...args: string[]) =>
      (await evaluate(['metrics', ...args, '--features', 'classifier', '--backend', 'cpu'])).stderr;
    expect(await refused(at('small.npy'), '--reference', at('small.npy'))).toMatch(/\[n, 32, 32, 3\]/);
    expect(await refused(at('a.npy'), '--reference', at('b.npy'), '--weights', 'w')).toContain(
      'weights: are for the features of Inception, not for classifier',
    );
  });
});

describe('classifier', () => {
  it('that is stopped while it learns leaves what was there', async () => {
    const before = readFileSync(classifierFile());
    const args = ['classifier', 'cifar10', '--fresh', '--backend', 'cpu'];
    const { code, stderr } = await evaluate(args, AbortSignal.abort());
    expect({ code, stderr }).toMatchObject({
      code: 130,
      stderr: expect.stringContaining('learning the classifier'),
    });
    expect(readFileSync(classifierFile())).toEqual(before);
  });

  it('names a path that has no CIFAR-10', async () => {
    const { code, stderr } = await evaluate(['classifier', folder, '--fresh', '--backend', 'cpu']);
    expect(code).toBe(1);
    expect(stderr).toContain(`no CIFAR-10 files in ${folder}`);
  });
});
