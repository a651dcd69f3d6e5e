import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCheckpoint } from '@srmcmc/checkpoint';
import { fromChain, key, type Key, shortRun, split } from '@srmcmc/core';
import { openDataset } from '@srmcmc/datasets';
import { serializeStateDict } from '@srmcmc/pth';
import { fromFloat32 } from '@srmcmc/safetensors';
import * as tf from '@tensorflow/tfjs-core';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { openModel } from '../src/model.ts';
import { elementBytes, npyHeader } from '../src/npy.ts';
import { toBytes, toValues } from '../src/pixels.ts';
import { sampleBatches } from '../src/sampling.ts';
import { temporaryFolder, writeImageCheckpoint, writePointCheckpoint } from './checkpoints.ts';
import { evaluate, evaluateOnCpu } from './program.ts';

const folder = temporaryFolder();
const at = (name: string): string => join(folder, name);
const images = at('images.safetensors');
const points = at('points.safetensors');

beforeAll(async () => {
  await writeImageCheckpoint(images);
  await writePointCheckpoint(points, 2);
});

async function draw(name: string, model: string, ...flags: string[]): Promise<Buffer> {
  await evaluateOnCpu('samples', model, '--out', at(name), ...flags);
  return readFileSync(at(name));
}

async function floats(path: string): Promise<Float32Array> {
  const dataset = await openDataset(path);
  return (await dataset.gather(Array.from({ length: dataset.size }, (_, i) => i))) as Float32Array;
}

describe('.npy files', () => {
  it.each(['images-a', 'images-b', 'points-a', 'points-b'])(
    'are the bytes that numpy writes: %s',
    async (name) => {
      const path = new URL(`goldens/${name}.npy`, import.meta.url).pathname;
      const { size, shape } = await openDataset(path);
      const written = Buffer.concat([
        npyHeader('float32', [size, ...shape]),
        elementBytes(await floats(path)),
      ]);
      expect(written.equals(readFileSync(path))).toBe(true);
    },
  );

  it('hold [N, H, W, C] whatever N is, elements beginning at a multiple of 64 bytes', async () => {
    for (const count of [1, 9, 10, 100]) {
      const file = await draw('n.npy', images, '--count', String(count), '--steps', '1');
      const dataStart = 10 + file.readUInt16LE(8);
      expect(dataStart % 64).toBe(0);
      expect(file.length - dataStart).toBe(count * 8 * 8 * 3 * 4);
      expect(file.toString('latin1', 10, dataStart)).toContain(`'shape': (${count}, 8, 8, 3), }`);
    }
  });

  it('hold the rounded floats with --uint8', async () => {
    await draw('f.npy', images, '--count', '3');
    const file = await draw('u.npy', images, '--count', '3', '--uint8');
    const expected = (await floats(at('f.npy'))).map((x) =>
      Math.min(Math.max(Math.round((x + 1) * 127.5), 0), 255),
    );
    expect([...file.subarray(10 + file.readUInt16LE(8))]).toEqual([...expected]);
    expect(await openDataset(at('u.npy'))).toMatchObject({ dtype: 'uint8', shape: [8, 8, 3], size: 3 });
  });
});

describe('pixels', () => {
  it('every byte survives the way to [-1, 1] and back', () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    expect(toBytes(toValues(bytes))).toEqual(bytes);
  });
});

describe('sample i', () => {
  it('is the same whatever the batch and the count', async () => {
    const whole = await draw('whole.npy', images, '--count', '7', '--batch', '7');
    for (const batch of ['1', '2', '5']) {
      expect((await draw('part.npy', images, '--count', '7', '--batch', batch)).equals(whole)).toBe(true);
    }
    await draw('fewer.npy', images, '--count', '4', '--batch', '3');
    expect([...(await floats(at('fewer.npy')))]).toEqual([
      ...(await floats(at('whole.npy'))).subarray(0, 4 * 192),
    ]);
  });

  it.each([
    ['with noise', []],
    ['with the noise off', ['--noise-off']],
    ['with another K', ['--steps', '9']],
  ])('is that of shortRun on the energy in the checkpoint, %s', async (_, flags) => {
    await draw('run.npy', images, '--count', '5', '--seed', '3', '--batch', '2', ...flags);
    const { energy, kernel, initial } = await openModel(images);
    const steps = flags.includes('--steps') ? 9 : 4;
    const generator = shortRun({ energy, kernel, initial, steps });
    const [startKey, noiseKey] = split(key(3)) as [Key, Key];
    const z = generator.prior(startKey, 5);
    const x = generator.generate(z, flags.includes('--noise-off') ? undefined : noiseKey);
    const expected = await x.data();
    const actual = await floats(at('run.npy'));
    expect(Math.max(...actual.map((value, i) => Math.abs(value - expected[i]!)))).toBeLessThan(1e-6);
    const alone = generator.generate(
      initial.sample(fromChain(startKey, 4), 1),
      flags.includes('--noise-off') ? undefined : fromChain(noiseKey, 4),
    );
    const last = await alone.data();
    expect(Math.max(...last.map((value, i) => Math.abs(value - actual[4 * 192 + i]!)))).toBeLessThan(1e-6);
  });

  it('of bare weights in a .pth is that of a checkpoint with the sampler of the paper', async () => {
    const paper = {
      drift: 1,
      noise: 0.01,
      steps: 100,
      initial: { name: 'uniform', low: -1, high: 1 },
    } as const;
    await writeImageCheckpoint(at('paper.safetensors'), { sampler: { kernel: 'langevin', ...paper } });
    const weights = (await readCheckpoint(at('paper.safetensors'))).checkpoint.weights;
    const tensors = [...weights].map(([name, { data, shape }]) => [name, fromFloat32(data, shape)] as const);
    writeFileSync(at('paper.pth'), serializeStateDict(new Map(tensors)));
    const expected = await draw('paper.npy', at('paper.safetensors'), '--count', '2');
    expect((await draw('bare.npy', at('paper.pth'), '--count', '2')).equals(expected)).toBe(true);
  });

  it('changes with the seed, and with the noise', async () => {
    const first = await draw('a.npy', images, '--count', '2');
    expect((await draw('b.npy', images, '--count', '2', '--seed', '1')).equals(first)).toBe(false);
    expect((await draw('b.npy', images, '--count', '2', '--noise-off')).equals(first)).toBe(false);
  });
});

describe('pictures', () => {
  /** The height, width and bytes of the picture of `count` samples, and the bytes of these samples. */
  async function pictureOf(count: number, ...flags: string[]) {
    const array = await draw('grid.npy', images, '--count', String(count), '--uint8');
    const png = sharp(await draw('grid.png', images, '--count', String(count), ...flags));
    const { data, info } = await png.raw().toBuffer({ resolveWithObject: true });
    return { pixels: array.subarray(10 + array.readUInt16LE(8)), data, info };
  }

  it('show image i in row i / columns, column i mod columns, its pixels as squares, the rest white', async () => {
    const [scale, pitch] = [22, 22 * 8 + 2];
    const { pixels, data, info } = await pictureOf(5, '--columns', '2');
    expect([info.width, info.height, info.channels]).toEqual([2 * pitch + 2, 3 * pitch + 2, 3]);
    const expected = Buffer.alloc(data.length, 255);
    for (let i = 0; i < 5; i++) {
      const [left, top] = [2 + (i % 2) * pitch, 2 + Math.floor(i / 2) * pitch];
      for (let y = 0; y < 8 * scale; y++) {
        for (let x = 0; x < 8 * scale; x++) {
          const source = ((i * 8 + Math.floor(y / scale)) * 8 + Math.floor(x / scale)) * 3;
          pixels.copy(expected, ((top + y) * info.width + left + x) * 3, source, source + 3);
        }
      }
    }
    expect(data.equals(expected)).toBe(true);
  });

  it('are at least 512 pixels wide and have full rows: ten images are 5 × 2', async () => {
    const { info } = await pictureOf(10);
    expect([info.width, info.height]).toEqual([5 * (13 * 8 + 2) + 2, 2 * (13 * 8 + 2) + 2]);
    expect(info.width).toBeGreaterThanOrEqual(512);
  });

  it('of points have a dot where each sample is', async () => {
    const svg = (await draw('points.svg', points, '--count', '50')).toString();
    const dots = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [
      Number(x),
      Number(y),
    ]);
    await draw('points.npy', points, '--count', '50');
    const values = await floats(at('points.npy'));
    expect(dots).toHaveLength(50);
    // The map from coordinates to pixels is one straight line for both axes, x to the right and y up.
    const slope = (dots[1]![0]! - dots[0]![0]!) / (values[2]! - values[0]!);
    for (let i = 1; i < 50; i++) {
      expect(dots[i]![0]! - dots[0]![0]!).toBeCloseTo(slope * (values[2 * i]! - values[0]!), 0);
      expect(dots[0]![1]! - dots[i]![1]!).toBeCloseTo(slope * (values[2 * i + 1]! - values[1]!), 0);
    }
  });

  it('of points become PNG, and those in one dimension a histogram whose bars have area 1', async () => {
    const png = await draw('points.png', points, '--count', '200');
    expect((await sharp(png).metadata()).format).toBe('png');
    await writePointCheckpoint(at('line.safetensors'), 1);
    const svg = (await draw('line.svg', at('line.safetensors'), '--count', '500')).toString();
    const bars = [...svg.matchAll(/width="([\d.]+)" height="([\d.]+)" fill="#1f4e8c"/g)];
    expect(bars).toHaveLength(64);
    const heights = bars.map(([, , height]) => Number(height));
    expect(Math.max(...heights)).toBeCloseTo(400 / 1.05, 0);
  });
});

describe('files', () => {
  it('are not written when the user stops, and what was there stays', async () => {
    writeFileSync(at('kept.npy'), 'before');
    const before = readdirSync(folder);
    const controller = new AbortController();
    const args = ['samples', images, '--out', at('kept.npy'), '--count', '100000', '--backend', 'cpu'];
    const running = evaluate(args, controller.signal);
    setTimeout(() => controller.abort(), 400);
    const { code, stderr } = await running;
    expect(code).toBe(130);
    expect(stderr).toContain('stopped');
    expect(readFileSync(at('kept.npy'), 'utf8')).toBe('before');
    expect(readdirSync(folder)).toEqual(before);
  });

  it('are not written when a chain diverges: the sample and the way out are named', async () => {
    const sampler = {
      kernel: 'langevin',
      drift: 1e40,
      noise: 1e20,
      steps: 4,
      initial: { name: 'uniform', low: -1, high: 1 },
    } as const;
    await writeImageCheckpoint(at('wild.safetensors'), { sampler });
    const out = at('wild.npy');
    const { code, stderr } = await evaluate([
      'samples',
      at('wild.safetensors'),
      '--out',
      out,
      '--backend',
      'cpu',
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/error: sample \d+ is not finite after 4 steps: use fewer steps/);
    expect(existsSync(out)).toBe(false);
  });
});

it('drawing leaves no tensor behind, stopped or not', async () => {
  const model = await openModel(images);
  const before = tf.memory().numTensors;
  const controller = new AbortController();
  const options = { count: 4, steps: 3, seed: 0, batch: 2, noise: true, signal: controller.signal };
  for await (const { values } of sampleBatches(model, options)) expect(values).toHaveLength(2 * 192);
  controller.abort();
  await expect(sampleBatches(model, options).next()).rejects.toThrow();
  expect(tf.memory().numTensors).toBe(before);
});
