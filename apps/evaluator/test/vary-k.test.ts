import * as tf from '@tensorflow/tfjs-core';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { key, uniforms } from '@srmcmc/core';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Model, openModel } from '../src/model.ts';
import { npyHeader } from '../src/npy.ts';
import { toBytes } from '../src/pixels.ts';
import { openReference } from '../src/reference.ts';
import { sampleBatches } from '../src/sampling.ts';
import { variedSteps } from '../src/varied-steps/chains.ts';
import { temporaryFolder, writeImageCheckpoint, writePointCheckpoint } from './checkpoints.ts';
import { evaluate, evaluateOnCpu } from './program.ts';

const folder = temporaryFolder();
const at = (name: string): string => join(folder, name);
const SHAPE = [8, 8, 3];
const STRIDE = 192;
const STEPS = [1, 2, 4, 9];
/** Chains, and examples in each of two sets of data. */
const COUNT = 10;

beforeAll(async () => {
  const data = Uint8Array.from(uniforms(key(5), 2 * COUNT, STRIDE), (u) => Math.floor(256 * u));
  writeFileSync(at('data.npy'), Buffer.concat([npyHeader('uint8', [2 * COUNT, ...SHAPE]), data]));
  const config = { data: at('data.npy') };
  await writeImageCheckpoint(at('model.safetensors'), { config });
  await writeImageCheckpoint(at('dataless.safetensors'), { config: {} });
  const initial = { name: 'uniform', low: -1, high: 1 } as const;
  const sampler = { kernel: 'langevin', drift: 1, noise: 1e38, steps: 4, initial } as const;
  await writeImageCheckpoint(at('wild.safetensors'), { config, sampler });
  await writePointCheckpoint(at('points.safetensors'), 2);
  await writePointCheckpoint(at('space.safetensors'), 3);
});

interface Estimate {
  readonly value: number;
  readonly standardError?: number;
}

interface Written {
  readonly rows: readonly {
    readonly steps: number;
    readonly magnitude: Estimate | null;
    readonly outside: number | null;
    readonly gradientNorm: number;
    readonly lastGradientNorm: number;
    readonly distances: readonly Estimate[];
    readonly diverged: number;
  }[];
  readonly features: readonly string[];
  readonly data?: { readonly magnitude: Estimate; readonly distances: readonly Estimate[] };
}

async function varied(
  model: string,
  ...flags: string[]
): Promise<Written & { stdout: string; stderr: string }> {
  const args = [
    '--out',
    at('k.svg'),
    '--json',
    at('k.json'),
    '--count',
    String(COUNT),
    '--steps',
    STEPS.join(),
  ];
  const { stdout, stderr } = await evaluateOnCpu('vary-k', at(model), ...args, ...flags);
  return { ...(JSON.parse(readFileSync(at('k.json'), 'utf8')) as Written), stdout, stderr };
}

/** What `samples` draws: positions of all chains after so many steps, flat. */
async function drawn(model: Model, steps: number, noise = true): Promise<Float32Array> {
  const sampling = { count: COUNT, steps, seed: 0, batch: COUNT, noise };
  for await (const { values } of sampleBatches(model, sampling)) return values;
  throw new Error('nothing was drawn');
}

/** Mean |∂f/∂x| over the chains, by tfjs's own gradient. */
function gradientNormAt({ energy }: Model, x: Float32Array): number {
  return tf.tidy(() => {
    const slope = tf.grad((at) => tf.sum(energy.negativeEnergy(at)))(tf.tensor(x, [COUNT, ...SHAPE]));
    return tf.mean(tf.norm(tf.reshape(slope, [COUNT, STRIDE]), 'euclidean', 1)).dataSync()[0]!;
  });
}

/** The Fréchet distances that `metrics` computes of two arrays of bytes. */
async function measured(a: Uint8Array, b: Uint8Array): Promise<number[]> {
  for (const [name, bytes] of [['a.npy', a] as const, ['b.npy', b] as const]) {
    writeFileSync(at(name), Buffer.concat([npyHeader('uint8', [COUNT, ...SHAPE]), bytes]));
  }
  const { stdout } = await evaluateOnCpu('metrics', at('a.npy'), '--reference', at('b.npy'), '--json');
  return (JSON.parse(stdout) as { measurements: { value: number }[] }).measurements.map(({ value }) => value);
}

async function picturesIn(path: string): Promise<Buffer[]> {
  const found = [...readFileSync(path, 'utf8').matchAll(/data:image\/png;base64,([^"]+)/g)];
  return Promise.all(found.map(([, base64]) => sharp(Buffer.from(base64!, 'base64')).raw().toBuffer()));
}

describe('chains after different numbers of steps', () => {
  it.each([true, false])(
    'are the samples that each K draws alone, whatever the batch, noise: %s',
    async (noise) => {
      const model = await openModel(at('model.safetensors'));
      const before = tf.memory().numTensors;
      const positions: number[][] = STEPS.map(() => []);
      const options = { steps: STEPS, count: COUNT, seed: 0, batch: 4, noise };
      for await (const batch of variedSteps(model, options)) {
        batch.positions.forEach((some, i) => positions[i]!.push(...some));
      }
      expect(tf.memory().numTensors).toBe(before);
      for (const [i, k] of STEPS.entries()) expect(positions[i]).toEqual([...(await drawn(model, k, noise))]);
      expect(new Set(positions.map(String)).size).toBe(STEPS.length);
    },
  );
});

describe('vary-k', () => {
  it('draws a row of images for each K, the K of learning marked', async () => {
    await varied('model.safetensors', '--images', '3');
    const pictures = await picturesIn(at('k.svg'));
    const model = await openModel(at('model.safetensors'));
    const expected: Buffer[] = [];
    for (const k of STEPS) {
      const bytes = toBytes(await drawn(model, k));
      for (let i = 0; i < 3; i++) expected.push(Buffer.from(bytes.subarray(i * STRIDE, (i + 1) * STRIDE)));
    }
    expect(pictures).toEqual(expected);
    const labels = [...readFileSync(at('k.svg'), 'utf8').matchAll(/<text[^>]*>([^<]*)<\/text>/g)];
    const title = 'The same latents and noise after K steps, seed 0';
    expect(labels.map(([, label]) => label)).toEqual([
      title,
      'K = 1',
      'K = 2',
      'K = 4',
      'as learned',
      'K = 9',
    ]);
  });

  it('gives the saturation and the gradients of those chains', async () => {
    const { rows } = await varied('model.safetensors');
    const model = await openModel(at('model.safetensors'));
    expect(rows.map(({ steps }) => steps)).toEqual(STEPS);
    for (const { steps, magnitude, outside, lastGradientNorm, diverged } of rows) {
      const x = await drawn(model, steps);
      const sizes = Array.from(x, Math.abs);
      expect(magnitude!.value).toBeCloseTo(sizes.reduce((a, b) => a + b, 0) / x.length, 6);
      expect(outside).toBeCloseTo(sizes.filter((size) => size > 1).length / x.length, 10);
      expect(diverged).toBe(0);
      if (steps === 1) continue;
      const norm = gradientNormAt(model, await drawn(model, steps - 1));
      expect(lastGradientNorm / norm).toBeCloseTo(1, 4);
    }
    const [first, second] = rows as [Written['rows'][0], Written['rows'][0]];
    expect(first.gradientNorm).toBe(first.lastGradientNorm);
    expect(second.gradientNorm).toBeCloseTo((first.gradientNorm + second.lastGradientNorm) / 2, 6);
  });

  it('gives the distances to data that metrics measures, and those of data to other data', async () => {
    const { rows, data, features } = await varied('model.safetensors');
    const model = await openModel(at('model.safetensors'));
    const context = { stdout: process.stdout, stderr: process.stderr, signal: new AbortController().signal };
    const reference = await openReference(context, model, { count: COUNT, sigma: 0, seed: 0 });
    const bytes = async (examples: AsyncIterable<ArrayLike<number>>): Promise<Uint8Array> => {
      const all: number[] = [];
      for await (const example of examples) all.push(...Array.from(example));
      return toBytes(Float32Array.from(all));
    };
    const [of, other] = [await bytes(reference.data), await bytes(reference.otherData)];
    expect(features).toHaveLength(2);
    for (const { steps, distances } of rows) {
      const values = await measured(toBytes(await drawn(model, steps)), of);
      distances.forEach(({ value }, i) => expect(value).toBeCloseTo(values[i]!, 10));
      expect(distances).toHaveLength(2);
    }
    const values = await measured(of, other);
    data!.distances.forEach(({ value }, i) => expect(value).toBeCloseTo(values[i]!, 10));
  });

  it('prints the numbers that it writes, and draws them against K', async () => {
    const flags = ['--plot', at('plot.svg'), '--errors', 'none'];
    const { rows, data, stdout } = await varied('model.safetensors', ...flags);
    const table = stdout.split('\n').map((line) => line.split(/ {3,}/));
    const short = (value: number, digits: number): string => String(Number(value.toPrecision(digits)));
    for (const { steps, magnitude, outside, gradientNorm, lastGradientNorm, distances } of rows) {
      const [, printed, ...rest] = table.find(
        ([name]) => name === (steps === 4 ? '4, as learned' : `${steps}`),
      )!;
      const [value, error] = printed!.split(' ± ').map(Number);
      expect(Math.abs(value! - magnitude!.value)).toBeLessThan(0.1 * magnitude!.standardError!);
      expect(error! / magnitude!.standardError!).toBeCloseTo(1, 1);
      expect(rest).toEqual([
        `${(100 * outside!).toFixed(2)} %`,
        ...[gradientNorm, lastGradientNorm].map((norm) => short(norm, 5)),
        ...distances.map((distance) => short(distance.value, 4)),
      ]);
    }
    const ofData = table.find(([name]) => name === 'data')!.slice(-2);
    expect(ofData).toEqual(data!.distances.map(({ value }) => short(value, 4)));
    const plot = readFileSync(at('plot.svg'), 'utf8');
    expect(plot.match(/<circle /g)).toHaveLength(5 * STEPS.length);
    expect(plot.match(/stroke-dasharray/g)).toHaveLength(4);
    for (const part of ['saturation', 'mean |f′(x)|', 'learned with K = 4 (dashed)'])
      expect(plot).toContain(part);
  });

  it('warns of too few chains once, and says which rows it is about', async () => {
    const { stdout } = await varied('model.safetensors');
    expect(stdout.match(/warning: .*/g)!.filter((line) => line.includes('pixels'))).toEqual([
      'warning: K = 1, 2, 4, 9, data: pixels 8×8×3: samples and reference: 10 and 10 examples for 192 features make a ' +
        'singular covariance and a distance that is too large: compare it at equal counts only',
    ]);
    expect(stdout).not.toMatch(/nfinity/);
  });

  it('has error bars of the distances by the bootstrap', async () => {
    const { rows } = await varied('model.safetensors', '--steps', '4', '--errors', 'bootstrap');
    for (const { standardError } of rows[0]!.distances) expect(standardError).toBeGreaterThan(0);
  });

  it('takes numbers of steps in any order, and marks no K of learning beyond them', async () => {
    await varied('model.safetensors', '--steps', '3,1', '--plot', at('short.svg'));
    const { rows } = JSON.parse(readFileSync(at('k.json'), 'utf8')) as Written;
    expect(rows.map(({ steps }) => steps)).toEqual([1, 3]);
    expect(readFileSync(at('short.svg'), 'utf8')).not.toContain('dash');
    expect(readFileSync(at('k.svg'), 'utf8')).not.toContain('as learned');
  });

  it('writes a PNG, and JSON alone to standard output', async () => {
    const args = ['--out', at('k.png'), '--count', '8', '--json', '--noise-off'];
    const { stdout } = await evaluateOnCpu('vary-k', at('model.safetensors'), ...args);
    const written = JSON.parse(stdout) as Written & { noise: boolean };
    expect(written.noise).toBe(false);
    // Of K = 4: a twentieth and a quarter are one step, then a half, once, twice and five times.
    expect(written.rows.map(({ steps }) => steps)).toEqual([1, 2, 4, 8, 20]);
    expect((await sharp(at('k.png')).metadata()).format).toBe('png');
  });

  it('without data says so, and gives the rest', async () => {
    const { rows, data, features, stderr } = await varied('dataless.safetensors', '--plot', at('rest.svg'));
    expect(stderr).toContain('no distances: the weights do not say what data they learned from');
    expect([data, features]).toEqual([undefined, []]);
    expect(rows.every(({ distances, magnitude }) => distances.length === 0 && magnitude!.value > 0)).toBe(
      true,
    );
    expect(readFileSync(at('rest.svg'), 'utf8')).not.toContain('Fréchet');
  });

  it('says how many chains diverged, and gives no numbers of theirs', async () => {
    const { rows, stderr, stdout } = await varied('wild.safetensors', '--steps', '1,400');
    const last = rows.at(-1)!;
    expect(last.diverged).toBeGreaterThan(0);
    expect(last).toMatchObject({ magnitude: null, outside: null, distances: [] });
    expect(stderr).toContain(`warning: ${last.diverged} of ${COUNT} chains are not finite after 400 steps`);
    expect(stdout).toContain('not finite');
  });

  it('stops when it is asked to, and leaves no tensor and no file', async () => {
    await tf.setBackend('cpu');
    const before = tf.memory().numTensors;
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 200);
    const args = ['--out', at('stopped.svg'), '--steps', '1000000', '--backend', 'cpu'];
    const { code, stderr } = await evaluate(['vary-k', at('model.safetensors'), ...args], stop.signal);
    expect(code).toBe(130);
    expect(stderr).toContain('stopped');
    expect(existsSync(at('stopped.svg'))).toBe(false);
    const left = tf.memory().numTensors - before;
    const { energy } = await openModel(at('model.safetensors'));
    // A program's model lives as long as the program.
    expect(left).toBe(Object.keys(energy.variables).length);
  });

  it.each([
    [
      'points in more dimensions than a picture has',
      'space.safetensors',
      [],
      1,
      'a model of images is needed',
    ],
    [
      'a setting of Inception for points',
      'points.safetensors',
      ['--inception-precision', 'mixed'],
      2,
      'inceptionPrecision: is for images',
    ],
    ['features for points', 'points.safetensors', ['--features', 'pixels'], 2, 'features: is for images'],
    [
      'points without a toy',
      'points.safetensors',
      ['--reference', 'cifar10'],
      2,
      'reference: must be the toy that was learned',
    ],
    [
      'no step at all',
      'model.safetensors',
      ['--steps', '0,4'],
      2,
      'steps: must be different numbers from 1 up',
    ],
    [
      'more steps than memory holds',
      'model.safetensors',
      ['--steps', '4,10000000000'],
      2,
      'steps: must be different numbers from 1 up to 1000000',
    ],
    [
      'a number twice',
      'model.safetensors',
      ['--steps', '4,2,4'],
      2,
      'steps: must be different numbers from 1 up',
    ],
    [
      'steps that are no numbers',
      'model.safetensors',
      ['--steps', '5;6'],
      2,
      'steps: must be numbers of steps',
    ],
    [
      'data of another shape',
      'model.safetensors',
      ['--reference', 'rings'],
      1,
      'expected shape [8, 8, 3], got [2]',
    ],
    ['too few chains', 'model.safetensors', ['--count', '7'], 2, 'count: must be at least 8'],
  ])('refuses %s', async (_, name, flags, exitCode, message) => {
    const args = ['--out', at('no.svg'), '--backend', 'cpu', ...flags];
    const { code, stderr } = await evaluate(['vary-k', at(name), ...args]);
    expect(stderr).toContain(message);
    expect(code).toBe(exitCode);
    expect(existsSync(at('no.svg'))).toBe(false);
  });
});
