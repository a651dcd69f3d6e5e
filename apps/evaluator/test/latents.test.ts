import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { key, uniforms } from '@srmcmc/core';
import * as tf from '@tensorflow/tfjs-core';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { openModel } from '../src/model.ts';
import { npyHeader } from '../src/npy.ts';
import { samplesFrom } from '../src/sampling.ts';
import { temporaryFolder, writeImageCheckpoint, writePointCheckpoint } from './checkpoints.ts';
import { evaluate, evaluateOnCpu } from './program.ts';

const folder = temporaryFolder();
const at = (name: string): string => join(folder, name);
const model = at('images.safetensors');
const STRIDE = 192;
const DATA = Uint8Array.from(uniforms(key(5), 12, STRIDE), (u) => Math.floor(256 * u));

beforeAll(async () => {
  await writeImageCheckpoint(model);
  await writePointCheckpoint(at('points.safetensors'), 2);
  writeFileSync(at('data.npy'), Buffer.concat([npyHeader('uint8', [12, 8, 8, 3]), DATA]));
});

/** The images of a grid picture, [8, 8, 3] bytes each, read back from the middle of every enlarged pixel. */
async function imagesIn(path: string, rows: number, columns: number): Promise<number[][]> {
  const { data, info } = await sharp(path).raw().toBuffer({ resolveWithObject: true });
  const scale = (info.width - 2) / columns / 8 - 2 / 8;
  expect(Number.isInteger(scale)).toBe(true);
  expect(info.height).toBe(rows * (8 * scale + 2) + 2);
  return Array.from({ length: rows * columns }, (_, i) => {
    const left = 2 + (i % columns) * (8 * scale + 2);
    const top = 2 + Math.floor(i / columns) * (8 * scale + 2);
    return Array.from({ length: STRIDE }, (__, j) => {
      const [y, x, c] = [Math.floor(j / 24), Math.floor(j / 3) % 8, j % 3];
      return data[((top + y * scale) * info.width + left + x * scale) * 3 + c]!;
    });
  });
}

describe('interpolate', () => {
  it('draws rows of images that are the same whatever the batch and the number of rows', async () => {
    await evaluateOnCpu('interpolate', model, '--out', at('a.png'), '--rows', '3', '--columns', '5');
    await evaluateOnCpu(
      'interpolate',
      model,
      '--out',
      at('b.png'),
      '--rows',
      '2',
      '--columns',
      '5',
      '--batch',
      '4',
    );
    const three = await imagesIn(at('a.png'), 3, 5);
    expect(await imagesIn(at('b.png'), 2, 5)).toEqual(three.slice(0, 10));
    expect(new Set(three.map(String)).size).toBe(15);
  });

  it('prints the length and the unevenness of the rows that it draws', async () => {
    const { stdout } = await evaluateOnCpu(
      'interpolate',
      model,
      '--out',
      at('c.png'),
      '--rows',
      '1',
      '--columns',
      '6',
    );
    const images = await imagesIn(at('c.png'), 1, 6);
    const steps = images
      .slice(1)
      .map((image, i) => Math.hypot(...image.map((byte, j) => (byte - images[i]![j]!) / 127.5)));
    const length = steps.reduce((a, b) => a + b, 0);
    const [, printed] = /a row's length: ([\d.]+)/.exec(stdout)!;
    // Bytes in the picture are rounded and cut off at -1 and 1.
    expect(Number(printed) / length).toBeGreaterThan(0.95);
    expect(Number(printed) / length).toBeLessThan(1.25);
    const [, unevenness] = /unevenness: ([\d.]+)/.exec(stdout)!;
    expect(Number(unevenness)).toBeGreaterThanOrEqual(1);
    expect(Number(unevenness)).toBeLessThan(5);
  });

  it('with --grid draws a square of images, no two of them the same', async () => {
    const flags = ['--grid', '--rows', '3', '--columns', '4', '--curve', 'linear'];
    const { stdout } = await evaluateOnCpu('interpolate', model, '--out', at('d.png'), ...flags);
    expect(stdout).toContain('a square of 3 × 4 images, linear, K = 4, no noise, seed 0');
    expect(new Set((await imagesIn(at('d.png'), 3, 4)).map(String)).size).toBe(12);
  });

  it('leaves no tensor behind, and samples from latents are those of the chains, whatever the batch', async () => {
    const opened = await openModel(model);
    const z = opened.initial.sample(key(1), 5);
    const before = tf.memory().numTensors;
    const options = { steps: 3, batch: 2, signal: new AbortController().signal };
    const values = await samplesFrom(opened, z, options);
    const whole = await samplesFrom(opened, z, { ...options, batch: 5 });
    expect(values).toEqual(whole);
    expect(tf.memory().numTensors).toBe(before);
    z.dispose();
  });

  it.each([
    ['a model of points', 'points.safetensors', [], 1, 'a model of images is needed'],
    [
      'a square of one row',
      'images.safetensors',
      ['--grid', '--rows', '1'],
      2,
      'rows: a square between four latents',
    ],
    [
      'a picture beyond what programs open',
      'images.safetensors',
      ['--rows', '100000'],
      2,
      'rows: 1000000 images make a picture of',
    ],
  ])('refuses %s', async (_, name, flags, exitCode, message) => {
    const out = at('no.png');
    const { code, stderr } = await evaluate([
      'interpolate',
      at(name),
      '--out',
      out,
      '--backend',
      'cpu',
      ...flags,
    ]);
    expect(code).toBe(exitCode);
    expect(stderr).toContain(message);
    expect(existsSync(out)).toBe(false);
  });
});

interface Written {
  readonly meanSquaredError: number;
  readonly meanSquaredErrors: readonly number[];
  readonly indices: readonly number[];
  readonly history: readonly (readonly number[])[];
}

async function reconstructed(...flags: string[]): Promise<Written & { readonly stdout: string }> {
  const args = ['--data', at('data.npy'), '--out', at('r.png'), '--json', at('r.json'), '--count', '3'];
  const { stdout } = await evaluateOnCpu('reconstruct', model, ...args, ...flags);
  return { ...(JSON.parse(readFileSync(at('r.json'), 'utf8')) as Written), stdout };
}

describe('reconstruct', () => {
  it('draws originals above reconstructions, whose squared error is the one that it prints', async () => {
    const { indices, meanSquaredErrors, history, stdout } = await reconstructed(
      '--iterations',
      '25',
      '--rate',
      '0.2',
    );
    const images = await imagesIn(at('r.png'), 2, 3);
    indices.forEach((index, i) => {
      expect(images[i]).toEqual([...DATA.subarray(index * STRIDE, (index + 1) * STRIDE)]);
      const squares = images[3 + i]!.map((byte, j) => ((byte - images[i]![j]!) / 127.5) ** 2);
      const error = squares.reduce((a, b) => a + b, 0) / STRIDE;
      // Bytes in the picture are rounded and cut off at -1 and 1.
      expect(Math.abs(error - meanSquaredErrors[i]!)).toBeLessThan(0.01);
      expect(history[25]![i]).toBeCloseTo(meanSquaredErrors[i]!, 5);
      expect(meanSquaredErrors[i]).toBeLessThan(0.1 * history[0]![i]!);
    });
    const mean = meanSquaredErrors.reduce((a, b) => a + b, 0) / 3;
    expect(Number(/an element, of \[-1, 1\]: ([\d.e-]+) ±/.exec(stdout)![1])).toBeCloseTo(mean, 4);
  });

  it.each([
    ['gradient-descent', ['--rate', '0.1']],
    ['momentum', ['--rate', '0.05']],
    ['lbfgs', ['--restarts', '2']],
    ['adam', ['--jacobian', 'identity']],
  ])('lowers the error of every image by %s', async (method, flags) => {
    const { meanSquaredErrors, history } = await reconstructed(
      '--method',
      method,
      '--iterations',
      '8',
      ...flags,
    );
    expect(history).toHaveLength(9);
    meanSquaredErrors.forEach((error, i) => expect(error).toBeLessThan(history[0]![i]!));
  });

  it('fills rows of ten, and leaves the rest white', async () => {
    await evaluateOnCpu(
      'reconstruct',
      model,
      '--data',
      at('data.npy'),
      '--out',
      at('w.png'),
      '--count',
      '12',
      '--iterations',
      '1',
    );
    const images = await imagesIn(at('w.png'), 4, 10);
    const isWhite = images.map((image) => image.every((byte) => byte === 255));
    expect(isWhite.flatMap((white, i) => (white ? [i] : []))).toEqual([
      ...Array.from({ length: 8 }, (_, i) => 22 + i),
      ...Array.from({ length: 8 }, (_, i) => 32 + i),
    ]);
  });

  it.each([
    ['data of another shape', ['--data', 'rings'], 1, 'data rings: expected shape [8, 8, 3], got [2]'],
    ['more images than there are', ['--data', at('data.npy'), '--count', '13'], 2, 'has 12 images, got 13'],
    ['a split that is not there', ['--data', at('data.npy'), '--split', 'test'], 2, 'has no test split'],
    [
      'a rate for lbfgs',
      ['--data', 'rings', '--method', 'lbfgs', '--rate', '1'],
      2,
      'rate: lbfgs finds its own',
    ],
  ])('refuses %s', async (_, flags, exitCode, message) => {
    const out = at('no.png');
    const { code, stderr } = await evaluate([
      'reconstruct',
      model,
      '--out',
      out,
      '--backend',
      'cpu',
      ...flags,
    ]);
    expect(code).toBe(exitCode);
    expect(stderr).toContain(message);
    expect(existsSync(out)).toBe(false);
  });

  it('says that a descent diverged, and what to lower', async () => {
    const args = ['reconstruct', model, '--data', at('data.npy'), '--out', at('d.png'), '--backend', 'cpu'];
    const wild = await evaluate([...args, '--count', '2', '--iterations', '3', '--rate', '1e9']);
    expect(wild.stderr).toContain(
      'warning: descent diverged: 2 of 2 images end with a larger error than they began with: lower --rate, 1000000000',
    );
    const tame = await evaluate([...args, '--count', '2', '--iterations', '3', '--rate', '0.01']);
    expect(tame.stderr).not.toContain('diverged');
    expect(tame.stdout).toContain('2 images of data, no split, K = ');
  });

  it('says that images of data without splits may have been learned from', async () => {
    const args = ['reconstruct', model, '--data', at('data.npy'), '--out', at('s.png'), '--backend', 'cpu'];
    const { stderr } = await evaluate([...args, '--count', '1', '--iterations', '1']);
    expect(stderr).toContain('has no test split: its images are held out only if');
  });
});
