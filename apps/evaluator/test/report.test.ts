import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { key, uniforms } from '@srmcmc/core';
import type { Measurement } from '@srmcmc/metrics';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { npyHeader } from '../src/npy.ts';
import { temporaryFolder, writeImageCheckpoint } from './checkpoints.ts';
import { evaluate, evaluateOnCpu } from './program.ts';

const folder = temporaryFolder();
const at = (name: string): string => join(folder, name);
const SIDE = 8;
const STRIDE = SIDE * SIDE * 3;
const COUNT = 60;
const TRAINING = Uint8Array.from(uniforms(key(1), COUNT, STRIDE), (u) => Math.floor(200 * u));
/** The first samples are copies of these training images, made brighter by so many grey levels. */
const COPIED = [17, 3, 44];
const SHIFTS = [0, 2, 5];

function writeArray(name: string, bytes: Uint8Array): void {
  writeFileSync(at(name), Buffer.concat([npyHeader('uint8', [bytes.length / STRIDE, SIDE, SIDE, 3]), bytes]));
}

const imageOf = (images: Uint8Array, i: number): Uint8Array => images.subarray(i * STRIDE, (i + 1) * STRIDE);

beforeAll(async () => {
  const others = Uint8Array.from(uniforms(key(2), COUNT - COPIED.length, STRIDE), (u) => Math.floor(200 * u));
  const copies = COPIED.map((index, i) => imageOf(TRAINING, index).map((byte) => byte + SHIFTS[i]!));
  writeArray('training.npy', TRAINING);
  writeArray('samples.npy', Buffer.concat([...copies, others]));
  await writeImageCheckpoint(at('model.safetensors'));
});

async function report(name: string, ...args: string[]): Promise<string> {
  await evaluateOnCpu(...args, '--report', at(name));
  return readFileSync(at(name), 'utf8');
}

/** The picture that follows each sample, and what is said of it. */
async function nearestIn(html: string): Promise<{ pixels: Uint8Array; caption: string; kind: string }[]> {
  const pattern =
    /class="sample">.*?<\/figure><figure class="(\w+)"><img alt="\w+" src="data:image\/png;base64,([^"]+)"><figcaption>([^<]+)/gs;
  return Promise.all(
    [...html.matchAll(pattern)].map(async ([, kind, base64, caption]) => ({
      pixels: new Uint8Array(await sharp(Buffer.from(base64!, 'base64')).raw().toBuffer()),
      caption: caption!,
      kind: kind!,
    })),
  );
}

describe('a report', () => {
  it('shows the training images that are nearest to samples, with their distances, and says what is a copy', async () => {
    const html = await report('r.html', 'metrics', at('samples.npy'), '--reference', at('training.npy'));
    const nearest = await nearestIn(html);
    for (const [i, index] of COPIED.entries()) {
      expect(nearest[i]!.pixels).toEqual(imageOf(TRAINING, index));
      expect(nearest[i]!.caption).toBe(SHIFTS[i]!.toFixed(1));
    }
    expect(nearest.map(({ kind }) => kind === 'copy')).toEqual(nearest.map((_, i) => i === 0));
    expect(html).toContain('Of 60 samples one is a copy');
  });

  it('agrees with distances computed one by one', async () => {
    const html = readFileSync(at('r.html'), 'utf8');
    const samples = readFileSync(at('samples.npy')).subarray(-COUNT * STRIDE);
    const nearest = await nearestIn(html);
    for (const [i, { caption }] of nearest.entries()) {
      const distances = Array.from({ length: COUNT }, (_, j) => {
        const [a, b] = [imageOf(samples, i), imageOf(TRAINING, j)];
        return Math.sqrt(a.reduce((sum, byte, p) => sum + (byte - b[p]!) ** 2, 0) / STRIDE);
      });
      expect(Number(caption)).toBeCloseTo(Math.min(...distances), 1);
    }
  });

  it('needs no other file, and holds the numbers and all that they depend on', async () => {
    await evaluateOnCpu(
      ...['metrics', at('samples.npy'), '--reference', at('training.npy'), '--json', at('r.json')],
    );
    const { measurements } = JSON.parse(readFileSync(at('r.json'), 'utf8')) as {
      measurements: Measurement[];
    };
    const html = readFileSync(at('r.html'), 'utf8');
    expect([...html.matchAll(/(?:src|href)="([^"]{1,5})/g)].map(([, start]) => start)).not.toContain('http');
    expect(new Set([...html.matchAll(/src="(.{5})/g)].map(([, start]) => start))).toEqual(new Set(['data:']));
    for (const { value, interval, computedWith } of measurements) {
      for (const number of [value, interval!.low, interval!.high]) {
        expect(html).toContain(String(Number(number.toPrecision(5))));
      }
      expect(html).toContain(computedWith.reference!.sha256);
      expect(html).toContain(computedWith.features!.name);
    }
    for (const part of ['srmcmc-eval metrics', 'backend cpu', '95 %, jackknife, 40 resamplings, seed 0']) {
      expect(html).toContain(part);
    }
  });

  it('of several sets has each, its pictures and neighbours, and those of earlier runs without pictures', async () => {
    const reference = ['--reference', at('training.npy'), '--count', '60'];
    const html = await report('c.html', 'compare', at('samples.npy'), at('model.safetensors'), ...reference);
    expect(html.match(/<img alt="images of/g)).toHaveLength(3);
    expect(html.match(/class="neighbours"/g)).toHaveLength(2);
    expect(html).toContain('from the first: +');
    const earlier = await report('e.html', 'compare', at('r.json'), at('r.json'));
    expect(earlier).toContain('Evaluation of 2 sets');
    expect(earlier).not.toContain('<img');
  });

  it('looks for neighbours where it is told to, and says so where there is nothing to look in', async () => {
    mkdirSync(at('folder'));
    await sharp({ create: { width: 16, height: 16, channels: 3, background: '#000000' } })
      .png()
      .toFile(at('folder/black.png'));
    const args = ['metrics', at('samples.npy'), '--reference', at('model.safetensors'), '--count', '20'];
    const told = await report('t.html', ...args, '--training', at('folder'));
    const [first] = await nearestIn(told);
    expect(first!.pixels).toEqual(new Uint8Array(STRIDE));
    expect(await report('n.html', ...args)).toContain('name the training set with <code>--training</code>');
    const { stdout } = await evaluate([...args, '--report', at('told.html'), '--backend', 'cpu']);
    expect(stdout).toContain(`\n${at('told.html')}: the report\n`);
    const { code, stderr } = await evaluate([...args, '--report', at('no.html'), '--training', 'mnist']);
    expect(code).toBe(1);
    expect(stderr).toContain('training mnist');
  });
});
