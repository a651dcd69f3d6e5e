import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { key, uniforms } from '@srmcmc/core';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { npyHeader } from '../src/npy.ts';
import { temporaryFolder, writeImageCheckpoint } from './checkpoints.ts';
import { evaluate, evaluateOnCpu } from './program.ts';

const folder = temporaryFolder();
const at = (name: string): string => join(folder, name);
const SIDE = 8;
const STRIDE = SIDE * SIDE * 3;
const COUNT = 6;
const BYTES = Uint8Array.from(uniforms(key(1), COUNT, STRIDE), (u) => Math.floor(256 * u));

beforeAll(async () => {
  await writeImageCheckpoint(at('model.safetensors'));
  writeFileSync(at('a.npy'), Buffer.concat([npyHeader('uint8', [COUNT, SIDE, SIDE, 3]), BYTES]));
  mkdirSync(at('folder'));
  await sharp({ create: { width: 20, height: 16, channels: 3, background: '#ff0000' } })
    .png()
    .toFile(at('folder/red.png'));
});

/** The pixels that SVG's pictures hold, decoded. */
async function picturesIn(path: string): Promise<Uint8Array[]> {
  const found = [...readFileSync(path, 'utf8').matchAll(/data:image\/png;base64,([^"]+)/g)];
  return Promise.all(
    found.map(
      async ([, base64]) => new Uint8Array(await sharp(Buffer.from(base64!, 'base64')).raw().toBuffer()),
    ),
  );
}

describe('grid', () => {
  it('of one source has its images, row after row, in their order', async () => {
    await evaluateOnCpu('grid', at('a.npy'), '--out', at('one.png'), '--columns', '3');
    const { data, info } = await sharp(at('one.png')).raw().toBuffer({ resolveWithObject: true });
    const pitch = (info.width - 2) / 3;
    const scale = (pitch - 2) / SIDE;
    expect(Number.isInteger(scale)).toBe(true);
    for (let image = 0; image < COUNT; image++) {
      for (let pixel = 0; pixel < SIDE * SIDE; pixel++) {
        const [row, column] = [Math.floor(image / 3), image % 3];
        const y = 2 + row * pitch + scale * Math.floor(pixel / SIDE);
        const x = 2 + column * pitch + scale * (pixel % SIDE);
        const place = (y * info.width + x) * 3;
        const expected = BYTES.subarray(image * STRIDE + pixel * 3, image * STRIDE + pixel * 3 + 3);
        expect(data.subarray(place, place + 3)).toEqual(Buffer.from(expected));
      }
    }
  });

  it('of several has rows with their names, and the images of each', async () => {
    const sources = [at('a.npy'), at('model.safetensors'), at('folder')];
    const { stdout } = await evaluateOnCpu('grid', ...sources, '--out', at('several.svg'), '--count', '6');
    const text = readFileSync(at('several.svg'), 'utf8');
    for (const part of ['a.npy', 'of 6 images', 'K = 4, 12 iterations', 'of 1 images'])
      expect(text).toContain(part);
    const pictures = await picturesIn(at('several.svg'));
    expect(pictures).toHaveLength(6 + 6 + 1);
    expect(Buffer.concat(pictures.slice(0, 6))).toEqual(Buffer.from(BYTES));
    await evaluateOnCpu(
      ...['samples', at('model.safetensors'), '--out', at('samples.npy'), '--uint8', '--count', '6'],
    );
    expect(Buffer.concat(pictures.slice(6, 12))).toEqual(
      readFileSync(at('samples.npy')).subarray(-6 * STRIDE),
    );
    expect(new Set(pictures[12])).toEqual(new Set([255, 0]));
    expect(stdout).toMatch(/6 of .*a\.npy, 6 of .*model\.safetensors, 1 of .*folder, seed 0/);
  });

  it('refuses what has no images, sizes that differ, and names that do not fit', async () => {
    await evaluateOnCpu('stats', at('a.npy'), '--out', at('stats.npz'));
    const larger = new Uint8Array(2 * 10 * 10 * 3);
    writeFileSync(at('larger.npy'), Buffer.concat([npyHeader('uint8', [2, 10, 10, 3]), larger]));
    for (const [sources, exitCode, out, message] of [
      [['stats.npz'], 2, 'no.png', 'holds statistics, which have no images to show'],
      [['a.npy', 'larger.npy'], 1, 'no.png', 'unlike those of'],
      [['a.npy'], 2, 'no.svg', 'a picture of one source is .png'],
    ] as const) {
      const { code, stderr } = await evaluate([
        'grid',
        ...sources.map(at),
        '--out',
        at(out),
        '--backend',
        'cpu',
      ]);
      expect(code).toBe(exitCode);
      expect(stderr).toContain(message);
      expect(existsSync(at(out))).toBe(false);
    }
    expect((await evaluate(['grid', at('a.npy'), '--out', 'a.jpg'])).code).toBe(2);
  });
});
