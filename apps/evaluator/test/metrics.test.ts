import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { key, uniforms } from '@srmcmc/core';
import { readNpz } from '@srmcmc/metrics';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { npyHeader } from '../src/npy.ts';
import { temporaryFolder, writeImageCheckpoint, writePointCheckpoint } from './checkpoints.ts';
import { writeInceptionWeights } from './inception-weights.ts';
import { evaluate, evaluateOnCpu } from './program.ts';

const folder = temporaryFolder();
const at = (name: string): string => join(folder, name);
const model = at('images.safetensors');
const COUNT = 48;
const SHIFT = 10;
const BYTES = Uint8Array.from(uniforms(key(1), COUNT, 192), (u) => Math.floor(200 * u));

interface Written {
  readonly images: Record<string, unknown>;
  readonly measurements: readonly {
    readonly metric: string;
    readonly value: number;
    readonly standardError?: number;
    readonly computedWith: { readonly samples: number; readonly features: { readonly name: string } };
  }[];
}

function writeArray(name: string, bytes: Uint8Array): void {
  writeFileSync(at(name), Buffer.concat([npyHeader('uint8', [bytes.length / 192, 8, 8, 3]), bytes]));
}

async function measured(...args: string[]): Promise<Written> {
  await evaluateOnCpu('metrics', ...args, '--json', at('out.json'));
  return JSON.parse(readFileSync(at('out.json'), 'utf8')) as Written;
}

async function refusal(...args: string[]): Promise<string> {
  const { code, stderr } = await evaluate([...args, '--backend', 'cpu']);
  expect(code, stderr).toBe(
    /error: (?:infinity|weights|reference|size|training|resize|inceptionPrecision): /.test(stderr) ? 2 : 1,
  );
  return stderr;
}

beforeAll(async () => {
  await writeImageCheckpoint(model);
  writeArray('a.npy', BYTES);
  writeArray(
    'b.npy',
    BYTES.map((byte) => byte + SHIFT),
  );
  const noise = uniforms(key(2), COUNT, 192);
  writeArray(
    'noisy.npy',
    BYTES.map((byte, i) => byte + Math.floor(50 * noise[i]!)),
  );
});

describe('metrics', () => {
  it('of images and the same made brighter is the square of the shift in every pixel, and no other power', async () => {
    const { measurements } = await measured(at('a.npy'), '--reference', at('b.npy'));
    const [pixels, spectrum] = measurements;
    expect(measurements.map(({ computedWith }) => computedWith.features.name)).toEqual([
      'pixels 8×8×3',
      'power spectrum 8×8×3',
    ]);
    expect(pixels!.value).toBeCloseTo(192 * (SHIFT / 255) ** 2, 10);
    expect(spectrum!.value).toBeLessThan(1e-12);
    expect(pixels!.computedWith.samples).toBe(COUNT);
    expect(pixels!.standardError).toBeGreaterThan(0);
  });

  it('of a model and its own samples in a file is 0, and of another seed is not', async () => {
    const count = ['--count', '10'];
    await evaluateOnCpu('samples', model, '--out', at('own.npy'), '--seed', '3', '--uint8', ...count);
    const own = await measured(model, '--reference', at('own.npy'), '--seed', '3', ...count);
    expect(own.measurements[0]!.value).toBeLessThan(1e-12);
    expect(own.images).toEqual({
      model,
      iteration: 12,
      samples: 10,
      steps: 4,
      seed: 3,
      noise: true,
    });
    const other = await measured(model, '--reference', at('own.npy'), '--seed', '4', ...count);
    expect(other.measurements[0]!.value).toBeGreaterThan(0.01);
  });

  it('against a folder brings its images to the size of the samples', async () => {
    mkdirSync(at('folder'), { recursive: true });
    for (let i = 0; i < 4; i++) {
      const image = sharp({
        create: { width: 16, height: 16, channels: 3, background: { r: 60 * i, g: 0, b: 0 } },
      });
      await image.png().toFile(at(`folder/${i}.png`));
    }
    const { measurements } = await measured(model, '--reference', at('folder'), '--count', '4');
    expect(measurements[0]!.computedWith.features.name).toBe('pixels 8×8×3');
  });

  it('takes .npz files of images that numpy wrote', async () => {
    const golden = (name: string): string => fileURLToPath(new URL(`goldens/${name}.npz`, import.meta.url));
    const pixels = ['--features', 'pixels'];
    const { measurements } = await measured(golden('bytes'), '--reference', golden('brighter'), ...pixels);
    expect(measurements[0]!.value).toBeCloseTo(192 * (SHIFT / 255) ** 2, 10);
    expect(measurements[0]!.computedWith.samples).toBe(40);
  });

  it('takes arrays [n, height, width], .npy or .npz, for grey images', async () => {
    const file = fileURLToPath(new URL('goldens/grey.npz', import.meta.url));
    const { shape, values } = (await readNpz(file)).get('images')!;
    expect(shape).toEqual([40, 8, 8]);
    writeFileSync(at('axes-3.npy'), Buffer.concat([npyHeader('uint8', [40, 8, 8]), values as Uint8Array]));
    writeFileSync(at('axes-4.npy'), Buffer.concat([npyHeader('uint8', [40, 8, 8, 1]), values as Uint8Array]));
    for (const source of [file, at('axes-3.npy')]) {
      const { measurements } = await measured(
        source,
        '--reference',
        at('axes-4.npy'),
        '--features',
        'pixels',
      );
      expect(measurements[0]!.value).toBeCloseTo(0, 10);
      expect(measurements[0]!.computedWith.features.name).toBe('pixels 8×8×1');
    }
  });

  it('prints what the numbers were computed with', async () => {
    const { stdout } = await evaluateOnCpu(
      'metrics',
      at('a.npy'),
      '--reference',
      at('b.npy'),
      '--count',
      '20',
    );
    expect(stdout).toMatch(/images +data .*a\.npy, examples 20, of 48, seed 0\n/);
    expect(stdout).toMatch(/frechet-distance +[\d.]+ .*pixels 8×8×3 .*20 and 20/);
    expect(stdout).toContain('warning: ');
  });

  it('with weights has the kernel distance and neighbours of the features that they give', async () => {
    writeInceptionWeights(at('inception.safetensors'));
    const args = [
      'metrics',
      at('a.npy'),
      '--reference',
      at('b.npy'),
      '--count',
      '8',
      '--json',
      at('out.json'),
    ];
    const { code, stderr } = await evaluate([...args, '--weights', at('inception.safetensors')]);
    expect(stderr).toContain('FID-64, which does not compare with the usual FID-2048');
    expect(code).toBe(0);
    const { measurements } = JSON.parse(readFileSync(at('out.json'), 'utf8')) as Written;
    expect(measurements.map(({ metric }) => metric)).toEqual([
      'frechet-distance',
      'kernel-distance',
      'precision',
      'recall',
      'density',
      'coverage',
    ]);
    expect(measurements[0]!.computedWith.features.name).toBe('inception-v3-2015-12-05/64');
  }, 60_000);
});

describe('errors and extrapolation', () => {
  it('by the bootstrap are not those of the jackknife, and of nothing are none', async () => {
    const errors = async (kind: string): Promise<number | undefined> => {
      const { measurements } = await measured(
        ...[at('a.npy'), '--reference', at('noisy.npy'), '--features', 'pixels', '--errors', kind],
      );
      return measurements[0]!.standardError;
    };
    const [bootstrap, jackknife] = [await errors('bootstrap'), await errors('jackknife')];
    expect(bootstrap! / jackknife!).toBeGreaterThan(0.3);
    expect(bootstrap! / jackknife!).toBeLessThan(3);
    expect(bootstrap).not.toBe(jackknife);
    expect(await errors('none')).toBeUndefined();
  });

  it('to infinitely many images is nearer to 0, for two draws of one distribution, than the distance', async () => {
    writeArray(
      'other.npy',
      Uint8Array.from(uniforms(key(3), COUNT, 192), (u) => Math.floor(200 * u)),
    );
    const draws = [at('a.npy'), '--reference', at('other.npy'), '--features', 'pixels', '--infinity'];
    const { measurements } = await measured(...draws);
    expect(measurements).toHaveLength(2);
    expect(Math.abs(measurements[1]!.value)).toBeLessThan(measurements[0]!.value);
  });

  it('from statistics is refused, which have no subsets', async () => {
    await evaluateOnCpu('stats', at('b.npy'), '--out', at('whole.npz'));
    expect(await refusal('metrics', at('whole.npz'), '--reference', at('a.npy'), '--infinity')).toContain(
      'needs images to take subsets of',
    );
  });
});

describe('stats', () => {
  it.each(['npz', 'safetensors'])('in .%s give the distance that the images give', async (extension) => {
    const file = at(`reference.${extension}`);
    const { stdout } = await evaluateOnCpu('stats', at('b.npy'), '--out', file);
    expect(stdout).toContain(`192 features, pixels 8×8×3 (means over cells), of ${COUNT} images`);
    const { measurements } = await measured(at('a.npy'), '--reference', file);
    expect(measurements).toHaveLength(1);
    expect(measurements[0]!.value).toBeCloseTo(192 * (SHIFT / 255) ** 2, 10);
  });

  it('of other features than are asked for are refused', async () => {
    const file = at('spectrum.npz');
    await evaluateOnCpu('stats', at('b.npy'), '--out', file, '--features', 'spectrum');
    const stderr = await refusal('metrics', at('a.npy'), '--reference', file, '--features', 'pixels');
    expect(stderr).toMatch(
      /features of the samples and of the reference cannot be compared, for they differ in number: 192, 4/,
    );
  });
});

describe('refusals', () => {
  it.each([
    [
      'features of a network without its weights',
      ['a.npy', '--features', '768'],
      'weights: features 768 are Inception',
    ],
    [
      'weights for pixels',
      ['a.npy', '--features', 'pixels', '--weights', 'w'],
      'weights: are for the features of Inception, not for pixels',
    ],
    ['statistics that are not there', ['a.npy', '--reference', at('none.npz')], 'there is no file at'],
    ['a size without a folder', ['a.npy', '--size', '16'], 'size: is for a folder of images, and of '],
    [
      'a precision of Inception without weights',
      ['a.npy', '--inception-precision', 'mixed'],
      'inceptionPrecision: is for the features of Inception: give --weights, or leave it out',
    ],
    ['a resizing without weights', ['a.npy', '--resize', 'pytorch-fid'], 'resize: is for the features of'],
    ['training data without a report', ['a.npy', '--training', 'cifar10'], 'training: is for the report'],
    ['data that are not there', ['none.npy'], 'is neither a path that exists nor one of cifar10'],
  ])('name %s', async (_, [path, ...flags], message) => {
    const stderr = await refusal(
      'metrics',
      at(path!),
      '--reference',
      at('b.npy'),
      ...flags,
      '--json',
      at('no.json'),
    );
    expect(stderr).toContain(message);
    expect(existsSync(at('no.json'))).toBe(false);
  });

  it('take floats beyond [-1, 1] where chains may have left it, cut off', async () => {
    const floats = new Uint8Array(
      Float32Array.from({ length: 2 * 192 }, (_, i) => (i < 192 ? 7 : -1)).buffer,
    );
    const whole = new Uint8Array(Float32Array.from({ length: 2 * 192 }, (_, i) => (i < 192 ? 1 : -1)).buffer);
    for (const [name, bytes] of [
      ['seven.npy', floats],
      ['one.npy', whole],
    ] as const) {
      writeFileSync(at(name), Buffer.concat([npyHeader('float32', [2, 8, 8, 3]), bytes]));
    }
    const args = [at('seven.npy'), '--reference', at('one.npy'), '--features', 'pixels', '--json'];
    const { stdout } = await evaluateOnCpu('metrics', ...args);
    const { measurements } = JSON.parse(stdout) as { measurements: { value: number }[] };
    expect(measurements[0]!.value).toBe(0);
  });

  it('send points to `moments`, and floats beyond [-1, 1] back', async () => {
    await writePointCheckpoint(at('points.safetensors'), 2);
    expect(await refusal('stats', at('points.safetensors'), '--out', at('p.npz'))).toContain('see `moments`');
    const floats = new Uint8Array(new Float32Array(2 * 192).fill(255).buffer);
    writeFileSync(at('wild.npy'), Buffer.concat([npyHeader('float32', [2, 8, 8, 3]), floats]));
    const stderr = await refusal('stats', at('wild.npy'), '--out', at('p.npz'));
    expect(stderr).toContain(
      'holds 255: floats are of [-1, 1], which samples leave by a little and not beyond ±8; or give bytes',
    );
    expect(existsSync(at('p.npz'))).toBe(false);
  });
});
