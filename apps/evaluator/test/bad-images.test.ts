/** What is said of images, weights and statistics that are not as they should be. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { key, uniforms } from '@srmcmc/core';
import { type Measurement, PYTORCH_FID_WEIGHTS } from '@srmcmc/metrics';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { npyHeader } from '../src/npy.ts';
import { temporaryFolder, writeImageCheckpoint } from './checkpoints.ts';
import { writeInceptionWeights } from './inception-weights.ts';
import { evaluate, evaluateOnCpu } from './program.ts';

const folder = temporaryFolder();
const at = (name: string): string => join(folder, name);
const SIDE = 8;
const COUNT = 6;

function writeArray(name: string, bytes: Uint8Array, channels = 3): void {
  const shape = [bytes.length / (SIDE * SIDE * channels), SIDE, SIDE, channels];
  writeFileSync(at(name), Buffer.concat([npyHeader('uint8', shape), bytes]));
}

function random(channels: number, count = COUNT): Uint8Array {
  return Uint8Array.from(uniforms(key(1), count, SIDE * SIDE * channels), (u) => Math.floor(256 * u));
}

/** A folder of PNGs, one an image, of as many channels. */
async function writePngs(name: string, bytes: Uint8Array, channels: 1 | 3 | 4): Promise<void> {
  mkdirSync(at(name));
  const stride = SIDE * SIDE * channels;
  for (let i = 0; i < bytes.length / stride; i++) {
    const raw = { width: SIDE, height: SIDE, channels };
    const pixels = bytes.subarray(i * stride, (i + 1) * stride);
    await sharp(pixels, { raw })
      .png()
      .toFile(at(`${name}/${i}.png`));
  }
}

/** The network takes a minute on the backend in plain JavaScript. */
const backendFor = (args: readonly string[]): readonly string[] =>
  args.includes('--weights') ? [] : ['--backend', 'cpu'];

async function measured(...args: string[]): Promise<Measurement[]> {
  const { code, stdout, stderr } = await evaluate(['metrics', ...args, '--json', ...backendFor(args)]);
  if (code !== 0) throw new Error(stderr);
  return (JSON.parse(stdout) as { measurements: Measurement[] }).measurements;
}

async function refusal(...args: string[]): Promise<string> {
  const { code, stderr } = await evaluate(['metrics', ...args, ...backendFor(args)]);
  expect(code).toBe(1);
  // A line, and not the stack of an error that nobody foresaw.
  expect(stderr).toMatch(/\nerror: .*\n$/);
  return stderr;
}

/** The same file without its end. */
function cut(from: string, to: string, share = 0.6): void {
  const bytes = readFileSync(at(from));
  writeFileSync(at(to), bytes.subarray(0, Math.floor(bytes.length * share)));
}

beforeAll(async () => {
  writeArray('rgb.npy', random(3));
  await writePngs('rgb', random(3), 3);
  writeInceptionWeights(at('weights.safetensors'));
  await writeImageCheckpoint(at('model.safetensors'));
});

describe('images', () => {
  it('too few for their features give a number with a warning, and what helps', async () => {
    const [pixels] = await measured(at('rgb.npy'), '--reference', at('rgb.npy'));
    expect(pixels!.warnings).toEqual([
      expect.stringContaining('6 and 6 examples for 192 features make a singular covariance'),
      expect.stringMatching(/--count.*--infinity/),
    ]);
  });

  it('of mixed sizes in a folder are refused by the name of the file, and taken when they are resized', async () => {
    await writePngs('mixed', random(3), 3);
    const larger = sharp({ create: { width: 12, height: 12, channels: 3, background: '#123456' } });
    await larger.png().toFile(at('mixed/larger.png'));
    const stderr = await refusal(at('mixed'), '--reference', at('mixed'));
    expect(stderr).toMatch(/larger\.png.*--size resizes all/);
    const [pixels] = await measured(at('mixed'), '--reference', at('mixed'), '--size', '8');
    expect(pixels!.computedWith.samples).toBe(COUNT + 1);
  });

  it('that are grey are measured as colours that are equal, and with alpha as they look on white', async () => {
    const grey = random(1);
    await writePngs('grey', grey, 1);
    writeArray(
      'grey-as-rgb.npy',
      Uint8Array.from({ length: 3 * grey.length }, (_, i) => grey[Math.floor(i / 3)]!),
    );
    const opaque = random(3);
    // Transparent pixels in the even columns.
    const isClear = (pixel: number): boolean => pixel % 2 === 0;
    const alpha = Uint8Array.from({ length: (4 * opaque.length) / 3 }, (_, i) => {
      const [pixel, channel] = [Math.floor(i / 4), i % 4];
      return channel === 3 ? (isClear(pixel) ? 0 : 255) : opaque[pixel * 3 + channel]!;
    });
    await writePngs('alpha', alpha, 4);
    writeArray(
      'on-white.npy',
      opaque.map((byte, i) => (isClear(Math.floor(i / 3)) ? 255 : byte)),
    );
    for (const [images, reference] of [
      ['grey', 'grey-as-rgb.npy'],
      ['alpha', 'on-white.npy'],
    ] as const) {
      for (const { value } of await measured(at(images), '--reference', at(reference))) {
        expect(value).toBeLessThan(1e-10);
      }
    }
  });

  it('of other channels than those they are compared with are refused', async () => {
    writeArray('grey.npy', random(1), 1);
    expect(await refusal(at('grey.npy'), '--reference', at('rgb.npy'))).toMatch(
      /images of .*rgb\.npy.*\[8, 8, 1\].*\[8, 8, 3\]/,
    );
    writeArray('alpha.npy', random(4), 4);
    const withWeights = ['--weights', at('weights.safetensors')];
    expect(await refusal(at('alpha.npy'), '--reference', at('alpha.npy'), ...withWeights)).toContain(
      'drop the alpha channel',
    );
  });

  it('beside other files in a folder are measured alone', async () => {
    await writePngs('beside', random(3), 3);
    writeFileSync(at('beside/notes.txt'), 'notes');
    writeFileSync(at('beside/._0.png'), 'left by an archive');
    mkdirSync(at('beside/empty'));
    const [pixels] = await measured(at('beside'), '--reference', at('rgb.npy'));
    expect(pixels!.value).toBeLessThan(1e-10);
    mkdirSync(at('none'));
    writeFileSync(at('none/notes.txt'), 'notes');
    expect(await refusal(at('none'), '--reference', at('rgb.npy'))).toContain('has no .png, .jpg');
  });

  it('that are all equal have a distance, and a warning', async () => {
    writeArray('constant.npy', new Uint8Array(COUNT * SIDE * SIDE * 3).fill(7));
    for (const { value, warnings } of await measured(at('constant.npy'), '--reference', at('rgb.npy'))) {
      expect(value).toBeGreaterThan(0);
      expect(warnings.join()).toContain('samples: all examples have the same features');
    }
  });

  it('are missing from an archive without arrays, which is said', async () => {
    // What np.savez writes of nothing: the end of a zip alone.
    writeFileSync(at('nothing.npz'), Buffer.from('PK\x05\x06'.padEnd(22, '\0'), 'latin1'));
    expect(await refusal(at('nothing.npz'), '--reference', at('rgb.npy'))).toContain(
      `${at('nothing.npz')}: must hold one array [n, height, width, channels] or [n, height, width]; it has no arrays\n`,
    );
  });

  it('one alone has no covariance, and is refused', async () => {
    writeArray('one.npy', random(3, 1));
    expect(await refusal(at('one.npy'), '--reference', at('rgb.npy'))).toContain('2 or more are needed');
  });
});

describe('files that are cut short', () => {
  it('are named, whichever kind they are of', async () => {
    await writePngs('cut', random(3), 3);
    cut('cut/3.png', 'cut/3.png');
    cut('rgb.npy', 'cut.npy');
    await evaluateOnCpu('stats', at('rgb.npy'), '--out', at('stats.npz'));
    await evaluateOnCpu('stats', at('rgb.npy'), '--out', at('stats.safetensors'));
    cut('stats.npz', 'cut.npz');
    cut('stats.safetensors', 'cut.safetensors');
    cut('weights.safetensors', 'cut-weights.safetensors');
    const reference = ['--reference', at('rgb.npy')];
    expect(await refusal(at('cut'), ...reference)).toContain('3.png');
    expect(await refusal(at('cut.npy'), ...reference)).toContain('cut.npy');
    expect(await refusal(at('rgb.npy'), '--reference', at('cut.npz'))).toContain('cut.npz');
    expect(await refusal(at('rgb.npy'), '--reference', at('cut.safetensors'))).toContain('cut.safetensors');
    expect(await refusal(at('rgb.npy'), ...reference, '--weights', at('cut-weights.safetensors'))).toContain(
      'cut-weights.safetensors',
    );
  });
});

describe('--skip-bad', () => {
  const COUNTED = ['--count', '8'];
  beforeAll(async () => {
    await writePngs('damaged', random(3, 17), 3);
    cut('damaged/3.png', 'damaged/3.png');
    const learnedOf = { config: { data: at('damaged'), skipBad: true } };
    await writeImageCheckpoint(at('skipped.safetensors'), learnedOf);
  });
  const leftOut = (): string => `warning: 1 of 17 images left out, the first ${at('damaged/3.png')}\n`;

  it.each([
    ['metrics', 'damaged', '--reference', 'damaged', '--report', 'report.html'],
    ['compare', 'damaged', 'damaged', '--reference', 'rgb.npy'],
    ['stats', 'damaged', '--out', 'damaged.npz'],
    ['grid', 'damaged', '--out', 'damaged.png'],
    ['moments', 'model.safetensors', '--reference', 'damaged', ...COUNTED],
    ['vary-k', 'model.safetensors', '--reference', 'damaged', ...COUNTED, '--steps', '1', '--out', 'k.png'],
    ['reconstruct', 'model.safetensors', '--data', 'damaged', '--count', '16', '--out', 'r.png'],
  ])(
    'is named by the error of %s %s, which with it leaves the image out and says so once',
    async (...args) => {
      const iterations = args[0] === 'reconstruct' ? ['--iterations', '1'] : [];
      const [command, ...rest] = args as [string, ...string[]];
      const given = rest.map((arg) => (/^(damaged|rgb|model|report|[kr]\.)/.test(arg) ? at(arg) : arg));
      const call = [command, ...given, ...iterations, '--backend', 'cpu'];
      const refused = await evaluate(call);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(/error: .*3\.png cannot be decoded: .* \(--skip-bad\)\n$/);
      const { code, stderr } = await evaluate([...call, '--skip-bad']);
      expect(code, stderr).toBe(0);
      expect(stderr.split(leftOut())).toHaveLength(2);
    },
  );

  it('is not needed for the data of a run that had it', async () => {
    const { stderr } = await evaluateOnCpu('moments', at('skipped.safetensors'), ...COUNTED);
    expect(stderr).toContain(leftOut());
  });

  it('counts what it leaves out among what was measured', async () => {
    const { stdout } = await evaluateOnCpu(
      ...['metrics', at('damaged'), '--reference', at('rgb.npy'), '--skip-bad', '--json'],
    );
    const { images } = JSON.parse(stdout) as { images: object };
    expect(images).toMatchObject({ data: at('damaged'), examples: 16, of: 16, leftOut: 1 });
  });
});

describe('what is asked of folders of images', () => {
  const NONE = 'is for a folder of images, and';
  it.each([
    ['--skip-bad', 'skipBad', ['metrics', 'rgb.npy', '--reference', 'rgb.npy', '--skip-bad']],
    ['--size', 'size', ['grid', 'rgb.npy', '--out', 'a.png', '--size', '4']],
    ['--crop', 'crop', ['moments', 'model.safetensors', '--reference', 'cifar10', '--crop', '5']],
    ['--skip-bad of the training data', 'skipBad', ['moments', 'model.safetensors', '--skip-bad']],
  ])('by %s is refused by that name where there is none', async (_, field, args) => {
    const given = args.map((arg) => (/\.(npy|png|safetensors)$/.test(arg) ? at(arg) : arg));
    const { code, stderr } = await evaluate([...given, '--backend', 'cpu']);
    expect(stderr).toMatch(new RegExp(`error: ${field}: ${NONE} .* (is none|none is one): leave it out\n$`));
    expect(code).toBe(2);
  });

  it('is not asked of a folder of CIFAR-10, whose images have their size', async () => {
    mkdirSync(at('cifar'));
    writeFileSync(at('cifar/data_batch_2.bin'), 'the others are elsewhere');
    expect(await refusal(at('rgb.npy'), '--reference', at('cifar'))).toMatch(
      /data_batch_1\.bin cannot be read/,
    );
  });
});

describe('numbers that are not finite', () => {
  it('in an array of floats are refused', async () => {
    const floats = new Float32Array(2 * SIDE * SIDE * 3);
    floats[100] = NaN;
    const header = npyHeader('float32', [2, SIDE, SIDE, 3]);
    writeFileSync(at('nan.npy'), Buffer.concat([header, new Uint8Array(floats.buffer)]));
    expect(await refusal(at('nan.npy'), '--reference', at('rgb.npy'))).toMatch(/nan.*NaN/s);
  });

  it('in features are refused by the number of the image', async () => {
    // Whole filters vanish from the float range.
    writeInceptionWeights(at('huge.safetensors'), (weights) => weights.map((weight) => weight * 1e30));
    const stderr = await refusal(
      at('rgb.npy'),
      '--reference',
      at('rgb.npy'),
      '--weights',
      at('huge.safetensors'),
    );
    expect(stderr).toMatch(/image 0|row 0/);
    expect(stderr).toMatch(/finite/);
  });
});

describe('weights of another hash', () => {
  it('than is asked for are refused, and of that hash are taken', async () => {
    const args = [at('rgb.npy'), '--reference', at('rgb.npy'), '--weights', at('weights.safetensors')];
    const stderr = await refusal(...args, '--weights-hash', '0'.repeat(64));
    const [, found] = /\b(?!0{64})([0-9a-f]{64})\b/.exec(stderr)!;
    const [distance] = await measured(...args, '--weights-hash', found!);
    expect(distance!.computedWith.features!.weights).toBe(found);
    const { code } = await evaluate(['metrics', ...args, '--weights-hash', 'abc']);
    expect(code).toBe(2);
  });
});

describe('weights to download', () => {
  const cache = process.env['XDG_CACHE_HOME'];
  beforeAll(() => void (process.env['XDG_CACHE_HOME'] = at('cache')));
  afterAll(() => {
    if (cache === undefined) delete process.env['XDG_CACHE_HOME'];
    else process.env['XDG_CACHE_HOME'] = cache;
  });

  it('are looked for in the cache folder, and refused there unless they are the published ones', async () => {
    mkdirSync(at('cache/srmcmc'), { recursive: true });
    const file = join(at('cache/srmcmc'), PYTORCH_FID_WEIGHTS.file);
    writeFileSync(file, 'a page that a proxy sent');
    const stderr = await refusal(at('rgb.npy'), '--reference', at('rgb.npy'), '--weights', 'download');
    expect(stderr).toContain(file);
    expect(stderr).toContain(PYTORCH_FID_WEIGHTS.sha256);
    expect(stderr).toContain('remove it, and it is downloaded again');
  });
});
