import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder, writeImageCheckpoint, writePointCheckpoint } from './checkpoints.ts';
import { evaluate, evaluateOnCpu } from './program.ts';

const folder = temporaryFolder();
const at = (name: string): string => join(folder, name);
const images = at('images.safetensors');
const NOTHING = 'there is no checkpoint, run folder or weights file at';

beforeAll(async () => {
  await writeImageCheckpoint(images);
});

describe('exit codes', () => {
  it.each([
    ['an unknown command', ['draw'], 'unknown command'],
    ['an unknown flag', ['inspect', 'x', '--jsn'], "unknown option '--jsn'"],
    ['a missing argument', ['inspect'], 'missing required argument'],
    ['a missing flag', ['samples', 'x'], "required option '--out <text>' not specified"],
    [
      'a flag for the value of another',
      ['samples', 'x', '--out', 'a.png', '--steps', '--seed', '1'],
      "error: option '--steps <integer>' argument missing\n",
    ],
    [
      'a number out of range',
      ['samples', 'x', '--out', 'a.png', '--steps', '0'],
      'error: steps: must be at least 1, got 0\n',
    ],
    [
      'more steps than memory holds',
      ['samples', 'x', '--out', 'a.png', '--steps', '1e10'],
      'error: steps: must be at most 1000000, got 10000000000\n',
    ],
    [
      'more points than memory holds',
      ['toy-1d', 'mixture1d', '--out', 'a.png', '--count', '1e12'],
      'error: count: must be at most 10000000, got 1000000000000\n',
    ],
    [
      'more chains than memory holds',
      ['vary-k', 'rings', '--out', 'a.png', '--count', '1e12'],
      'error: count: must be at most 10000000, got 1000000000000\n',
    ],
    [
      'a fraction for an integer',
      ['samples', 'x', '--out', 'a.png', '--count', '1.5'],
      'error: count: must be an integer, got 1.5\n',
    ],
    [
      'a text for a number',
      ['samples', 'x', '--out', 'a.png', '--steps', 'many'],
      "error: steps: must be a number, got 'many'\n",
    ],
    [
      'another kind of file',
      ['samples', 'x', '--out', 'a.jpg'],
      "error: out: must end in .png, .npy or, for points, .svg, got 'a.jpg'\n",
    ],
    [
      'an unknown backend',
      ['samples', 'x', '--out', 'a.png', '--backend', 'abacus'],
      "error: backend: must be one of auto, native, tensorflow-gpu, tensorflow, wasm, cpu, got 'abacus'\n",
    ],
  ])('2 and what is wrong for %s', async (_, args, message) => {
    const { code, stderr } = await evaluate(args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  it.each([
    ['a file that is not there', ['inspect', 'nowhere'], `error: ${NOTHING} nowhere`],
    [
      'a run that is not there',
      ['samples', 'runs/nope', '--out', at('a.png')],
      `error: ${NOTHING} runs/nope`,
    ],
    ['a file of another kind', ['inspect', fileURLToPath(import.meta.url)], 'neither a .pth file'],
    ['a folder without checkpoints', ['samples', folder, '--out', at('a.npy')], 'no checkpoint in'],
    ['a folder that is not there', ['samples', images, '--out', at('no/a.npy')], 'the folder does not exist'],
    [
      'data of another shape',
      ['moments', images, '--reference', 'rings'],
      'expected shape [8, 8, 3], got [2]',
    ],
    ['unknown data', ['moments', images, '--reference', 'nothing'], "'nothing' is neither a path"],
  ])('1 and one line for %s', async (_, args, message) => {
    const backend = args[0] === 'inspect' ? [] : ['--backend', 'cpu'];
    const { code, stderr } = await evaluate([...args, ...backend]);
    expect(code).toBe(1);
    const errors = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('backend: '));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(message);
  });

  it.each([
    ['bytes in a picture', ['samples', images, '--out', at('a.png'), '--uint8'], 'uint8: is for a .npy file'],
    ['images as SVG', ['samples', images, '--out', at('a.svg')], 'a picture of images is .png'],
    ['too large a picture', ['samples', images, '--out', at('a.png'), '--count', '1e12'], 'draw fewer'],
    ['too large a grid', ['grid', images, '--out', at('a.png'), '--count', '1e12'], 'draw fewer'],
    ['too many rows', ['interpolate', images, '--out', at('a.png'), '--rows', '1000000'], 'error: rows: '],
    ['no step at all', ['vary-k', images, '--out', at('a.png'), '--steps', '0'], 'error: steps: '],
    ['a number of steps twice', ['vary-k', images, '--out', at('a.png'), '--steps', '5,5'], 'error: steps: '],
    ['a toy of another dimension', ['toy-2d', 'mixture1d', '--out', at('a.png')], 'use toy-1d'],
  ])('2 and one line for %s, which only the work shows', async (_, args, message) => {
    const { code, stderr } = await evaluate([...args, '--backend', 'cpu']);
    const errors = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('backend: '));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(message);
    expect(code).toBe(2);
  });

  it('0 for --version', async () => {
    expect(await evaluate(['--version'])).toEqual({ code: 0, stdout: '0.0.0\n', stderr: '' });
  });

  it('0 for help, which lists every flag with its default', async () => {
    const { code, stdout } = await evaluate(['samples', '--help']);
    expect(code).toBe(0);
    for (const flag of ['--out <text>', '--count <integer>', '--noise-off', '--seed', '(default: 64)']) {
      expect(stdout).toContain(flag);
    }
    expect(stdout.replace(/\s+/g, ' ')).toMatch(/--out <text> [^(]*\(required\)/);
  });

  it('the process ends on SIGINT with 130, leaving no file behind', async () => {
    const before = readdirSync(folder);
    const cli = fileURLToPath(new URL('../src/cli.ts', import.meta.url));
    const args = ['samples', images, '--out', at('big.npy'), '--count', '10000000', '--backend', 'cpu'];
    const child = spawn(process.execPath, ['--conditions=@srmcmc/source', '--import', 'tsx', cli, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (text) => (stderr += text));
    const exit = new Promise<number | null>((resolve) => child.on('exit', (code) => resolve(code)));
    // Samples are on their way to the disk when the temporary file is there.
    while (child.exitCode === null && readdirSync(folder).length === before.length) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    child.kill('SIGINT');
    expect(await exit, stderr).toBe(130);
    expect(stderr).toContain('stopped: nothing was written');
    expect(readdirSync(folder)).toEqual(before);
  });
});

describe('a file that cannot be written', () => {
  const missing = (name: string): string => at(`missing/${name}`);
  it.each([
    ['toy-1d', 'mixture1d', '--iterations', '1000000', '--out', missing('z.png')],
    ['toy-1d', 'mixture1d', '--iterations', '1000000', '--out', at('z.png'), '--json', missing('z.json')],
    ['vary-k', 'rings', '--out', missing('z.png')],
    ['vary-k', 'rings', '--out', at('z.png'), '--plot', missing('z.png')],
    ['moments', images, '--count', '10000000', '--plot', missing('z.svg')],
    ['reconstruct', images, '--iterations', '1000000', '--out', at('z.png'), '--json', missing('z.json')],
    ['metrics', images, '--reference', 'cifar10', '--count', '50000', '--json', missing('r.json')],
    ['metrics', images, '--reference', 'cifar10', '--count', '50000', '--report', missing('r.html')],
    ['compare', images, images, '--reference', 'cifar10', '--count', '50000', '--json', missing('r.json')],
    ['stats', images, '--count', '10000000', '--out', missing('s.npz')],
    ['grid', images, '--out', missing('g.png')],
    ['interpolate', images, '--out', missing('i.png')],
    ['samples', images, '--out', missing('s.npy')],
  ])('ends %s %s %s %s before any work', async (...args) => {
    const outcome = await evaluate(args);
    const stderr = expect.stringMatching(/^error: cannot write .*: the folder does not exist\n$/) as string;
    expect(outcome).toEqual({ code: 1, stdout: '', stderr });
    expect(readdirSync(folder).filter((name) => name.startsWith('z.') || name.startsWith('.'))).toEqual([]);
  });

  it('is one whose name a folder has', async () => {
    mkdirSync(at('taken.png'));
    const { code, stderr } = await evaluate(['samples', images, '--out', at('taken.png')]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `error: cannot write ${at('taken.png')}: there is a folder of that name\n`,
    });
  });

  it('is an array larger than what is free', async () => {
    const args = ['samples', images, '--out', at('huge.npy'), '--count', '1e12', '--backend', 'cpu'];
    const { code, stderr } = await evaluate(args);
    const [, most, room] =
      /\nerror: count: must be at most (\d+), for .*huge\.npy has ([\d.]+) GB of room, got 1000000000000\n$/.exec(
        stderr,
      )!;
    // Images of 192 floats, and three digits of the room.
    expect((Number(most) * 768) / (Number(room) * 1e9)).toBeCloseTo(1, 2);
    expect(code).toBe(2);
    expect(readdirSync(folder).filter((name) => name.includes('huge'))).toEqual([]);
  });
});

interface Printed {
  readonly reference: string;
  readonly counts: Record<string, number>;
  readonly statistics: { name: string; data: { value: number }; gap: { value: number; z: number | null } }[];
  readonly distances: { samplesToData: { value: number }; dataToData: { value: number } }[];
  readonly powerSpectrum: { frequency: number; gap: { z: number } }[];
}

async function momentsOf(...args: string[]): Promise<Printed> {
  return JSON.parse((await evaluateOnCpu('moments', ...args, '--json')).stdout) as Printed;
}

describe('moments', () => {
  beforeAll(async () => {
    await evaluateOnCpu('samples', images, '--out', at('own.npy'), '--count', '400', '--seed', '9');
  });

  it("finds no gap between a model's samples and other samples of the model", async () => {
    const found = await momentsOf(images, '--reference', at('own.npy'), '--count', '200');
    expect(found.counts).toEqual({ samples: 200, data: 200, otherData: 200 });
    const gaps = [...found.statistics, ...found.powerSpectrum].map(({ gap }) => Math.abs(gap.z ?? 0));
    expect(Math.max(...gaps)).toBeLessThan(4.5);
    for (const { samplesToData, dataToData } of found.distances) {
      expect(samplesToData.value / dataToData.value).toBeLessThan(3);
    }
    expect(found.powerSpectrum.map(({ frequency }) => frequency)).toEqual([1, 2, 3, 4]);
  });

  it('finds the gap when the data are brighter, and of the right size', async () => {
    const file = readFileSync(at('own.npy'));
    const start = 10 + file.readUInt16LE(8);
    const values = new Float32Array(file.subarray(start).buffer.slice(file.byteOffset + start));
    const brighter = new Uint8Array(values.map((value) => value + 0.1).buffer);
    writeFileSync(at('brighter.npy'), Buffer.concat([file.subarray(0, start), brighter]));
    const found = await momentsOf(images, '--reference', at('brighter.npy'), '--count', '200');
    const mean = found.statistics.find(({ name }) => name === 'pixel mean')!;
    expect(mean.gap.value).toBeCloseTo(-0.1, 2);
    expect(mean.gap.z).toBeLessThan(-10);
    const [image] = found.distances;
    expect(image!.samplesToData.value).toBeGreaterThan(1.5 * image!.dataToData.value);
  });

  it('adds noise of the given σ to the data: its variance, at every frequency', async () => {
    const args = [images, '--reference', at('own.npy'), '--count', '200'];
    const power = async (sigma: string) => {
      const { powerSpectrum } = await momentsOf(...args, '--sigma', sigma);
      return (powerSpectrum as unknown as { data: { value: number } }[]).map(({ data }) => data.value);
    };
    const [clean, noisy] = [await power('0'), await power('0.5')];
    noisy.forEach((value, i) => expect(value - clean[i]!).toBeCloseTo(0.25, 1));
  });

  it('cuts and resizes the images of a folder to those of the model', async () => {
    const pictures = at('pictures');
    mkdirSync(pictures);
    // A grey square of 16 pixels in the middle of white: the crop leaves the square alone.
    const grey = { width: 16, height: 16, channels: 3, background: { r: 51, g: 51, b: 51 } } as const;
    const white = { width: 24, height: 20, channels: 3, background: { r: 255, g: 255, b: 255 } } as const;
    for (let i = 0; i < 16; i++) {
      const square = await sharp({ create: grey }).png().toBuffer();
      await sharp({ create: white })
        .composite([{ input: square, left: 4, top: 2 }])
        .png()
        .toFile(join(pictures, `${i}.png`));
    }
    const found = await momentsOf(images, '--reference', pictures, '--crop', '16', '--count', '8');
    const mean = found.statistics.find(({ name }) => name === 'pixel mean')!;
    expect(mean.data.value).toBeCloseTo(51 / 127.5 - 1, 6);
    expect(found.counts.data).toBe(8);
  });

  it('compares with what the run learned from unless told, and prints a table', async () => {
    const points = at('points.safetensors');
    await writePointCheckpoint(points, 2);
    const { stdout } = await evaluateOnCpu('moments', points, '--count', '100');
    expect(stdout).toContain('disjoint sets of 100 examples each of rings');
    expect(stdout).toMatch(
      /standard deviation, coordinate 1\s+0\.\d+ ± 0\.\d+\s+1\.\d+ ± 0\.\d+\s+−0\.\d+ ± 0\.\d+/,
    );
    expect(stdout).toMatch(/covariance, Frobenius distance.*×/);
  });

  it('draws the spectra, labelled, in SVG and PNG', async () => {
    const args = ['moments', images, '--reference', at('own.npy'), '--count', '50', '--plot'];
    await evaluateOnCpu(...args, at('plot.svg'));
    const svg = readFileSync(at('plot.svg'), 'utf8');
    for (const label of [
      'spatial frequency',
      'power (mean |DFT|² per pixel)',
      'ratio to data',
      'other data',
    ]) {
      expect(svg).toContain(label);
    }
    expect(svg).not.toContain('NaN');
    expect(svg.match(/<circle/g)).toHaveLength(5 * 4);
    await evaluateOnCpu(...args, at('plot.png'));
    expect(existsSync(at('plot.png'))).toBe(true);
    expect(await sharp(at('plot.png')).metadata()).toMatchObject({ format: 'png', width: 1520 });
  });
});
