import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { fromFunction, key } from '@srmcmc/core';
import { mixture1d, mixture2d, rings } from '@srmcmc/datasets';
import { entropy, grid, mass } from '@srmcmc/metrics';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { toyDensitiesPlot } from '../src/pictures/toy-densities-plot.ts';
import { energyDensity, extentOf, gridOf, toyDensities } from '../src/toys/densities.ts';
import { learnToy } from '../src/toys/learning.ts';
import { temporaryFolder, writeImageCheckpoint, writePointCheckpoint } from './checkpoints.ts';
import { evaluate, evaluateOnCpu } from './program.ts';

const folder = temporaryFolder();
const at = (name: string): string => join(folder, name);
const QUIET = {
  stdout: { write: () => undefined },
  stderr: { write: () => undefined },
  signal: new AbortController().signal,
};

beforeAll(async () => {
  await writePointCheckpoint(at('line.safetensors'), 1, { config: { data: 'mixture1d' } });
  await writePointCheckpoint(at('plane.safetensors'), 2, { config: { data: 'cifar10' } });
  await writeImageCheckpoint(at('images.safetensors'), { config: { data: 'rings' } });
});

/** The mean of values, and five of its standard errors: a right mean is further off once in 10^6. */
function meanOf(values: Float64Array): { mean: number; tolerance: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, tolerance: 5 * Math.sqrt(variance / values.length) };
}

describe('densities of a toy', () => {
  const toy = mixture1d();
  const line = grid({ dimension: 1, low: -6, high: 6, cells: 1200 });

  it.each([
    [1, 1],
    [0.25, 0.5],
  ])(
    'at temperature %d, −x²/2 is the normal density of deviation %d and integrates to 1',
    async (temperature, s) => {
      await tf.setBackend('cpu');
      const energy = fromFunction((x) => tf.mul(tf.sum(tf.square(x), 1), -0.5) as tf.Tensor1D, [1]);
      const density = await energyDensity(energy, line, { temperature });
      expect(mass(line, density)).toBeCloseTo(1, 12);
      density.forEach((value, cell) => {
        const x = line.centres[cell]!;
        const expected = Math.exp(-(x * x) / (2 * s * s)) / (s * Math.sqrt(2 * Math.PI));
        expect(Math.abs(value - expected)).toBeLessThan(2e-6);
      });
    },
  );

  it('has divergences and entropies that are means over exact draws', async () => {
    const N = 20_000;
    const ebm = line.centres.map(
      (x) => Math.exp(-0.5 * ((x - 0.5) / 1.5) ** 2) / (1.5 * Math.sqrt(2 * Math.PI)),
    );
    const samples = toy.sample(key(1), 3000).map((x) => 0.8 * x + 0.3);
    const exact = toy.sample(key(2), 3000);
    const { truth, ...rest } = await toyDensities(toy, line, ebm, { samples, exact });
    const points = toy.sample(key(3), N);
    const logTruth = toy.logDensity(points);
    const entropy = meanOf(logTruth.map((value) => -value));
    expect(Math.abs(truth.entropy - entropy.mean)).toBeLessThan(entropy.tolerance);
    expect(truth.divergence).toBe(0);
    for (const { density, divergence } of [rest.ebm, rest.samples, rest.exactDraws]) {
      const { mean, tolerance } = meanOf(
        logTruth.map((value, i) => value - Math.log(density[Math.floor((points[i]! + 6) * 100)]!)),
      );
      expect(Math.abs(divergence - mean)).toBeLessThan(tolerance + 1e-3);
    }
  });

  it('of exact draws is near to the truth, the nearer the more there are, and one half moved aside is not', async () => {
    const ebm = line.centres.map(() => 1 / 12);
    const divergences = async (n: number) => {
      const exact = toy.sample(key(4), n);
      const samples = toy.sample(key(5), n);
      const shifted = samples.map((x, i) => (i % 2 === 0 ? x : x + 1));
      const [good, bad] = await Promise.all(
        [samples, shifted].map((some) => toyDensities(toy, line, ebm, { samples: some, exact })),
      );
      return [good!.exactDraws.divergence, good!.samples.divergence, bad!.samples.divergence] as const;
    };
    const [few, many] = [await divergences(500), await divergences(50_000)];
    // The mean integrated error of a kernel estimate in one dimension falls as n^(-4/5): 40 times from 500 to 50,000.
    for (const i of [0, 1] as const) {
      expect(few[i] / many[i]).toBeGreaterThan(10);
      expect(few[i] / many[i]).toBeLessThan(160);
      expect(many[i]).toBeLessThan(0.002);
    }
    expect(many[2]).toBeGreaterThan(0.1);
  });

  it('lies on a grid that holds it', () => {
    for (const one of [mixture1d(), mixture2d(), rings()]) {
      const of = gridOf(one, 200);
      expect(mass(of, one.logDensity(of.centres).map(Math.exp))).toBeCloseTo(1, 3);
      expect(of.high).toBeCloseTo(1.25 * extentOf(one), 10);
    }
  });
});

describe('the picture', () => {
  it('shows x₁ to the right and x₂ upwards, and says where densities go beyond their colours', async () => {
    const toy = mixture2d([{ mean: [1, -2], std: 0.3 }]);
    const of = grid({ dimension: 2, low: -4, high: 4, cells: 40 });
    const peak = { mean: [1, -2], std: 0.1 } as const;
    const ebm = mixture2d([peak]).logDensity(of.centres).map(Math.exp);
    const [samples, exact] = [toy.sample(key(1), 2000), toy.sample(key(2), 2000)];
    const svg = await toyDensitiesPlot('one mode', await toyDensities(toy, of, ebm, { samples, exact }));
    const pictures = [...svg.matchAll(/<image [^>]*width="260"[^>]*base64,([^"]*)"/g)].map(
      ([, data]) => data!,
    );
    expect(pictures).toHaveLength(6);
    for (const base64 of pictures) {
      const { data } = await sharp(Buffer.from(base64, 'base64')).raw().toBuffer({ resolveWithObject: true });
      // The brightest colour has the most red.
      const brightest = Array.from({ length: 1600 }, (_, i) => data[3 * i]!).reduce(
        (best, red, i, all) => (red > all[best]! ? i : best),
        0,
      );
      const [row, column] = [Math.floor(brightest / 40), brightest % 40];
      expect(Math.abs(-4 + 0.2 * (column + 0.5) - 1)).toBeLessThan(0.5);
      expect(Math.abs(4 - 0.2 * (row + 0.5) + 2)).toBeLessThan(0.5);
    }
    const labels = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((match) => match[1]!);
    expect(labels).toEqual(
      expect.arrayContaining(['x₁', 'x₂', 'density', 'log density', 'EBM', 'KDE of samples']),
    );
    expect(labels.some((label) => label.startsWith('≤ −'))).toBe(true);
  });
});

interface Written {
  readonly toy: string;
  readonly temperature: number;
  readonly sampler: { readonly steps: number; readonly drift: number; readonly noise: number };
  readonly grid: { readonly low: number; readonly high: number; readonly cells: number };
  readonly densities: Readonly<Record<string, { entropy: number; divergence: number; largest: number }>>;
}

async function written(
  name: string,
  command: string,
  ...args: string[]
): Promise<Written & { stdout: string }> {
  const files = ['--out', at(`${name}.svg`), '--json', at(`${name}.json`)];
  const { stdout } = await evaluateOnCpu(command, ...args, ...files);
  return { ...(JSON.parse(readFileSync(at(`${name}.json`), 'utf8')) as Written), stdout };
}

const EBM = 'EBM, exp(f / T) / Z';
const SAMPLES = 'KDE of short-run samples';
const TINY = ['--iterations', '3', '--steps', '4', '--count', '300'];

describe('toy-1d and toy-2d', () => {
  it('learn a toy and write the numbers of the energy that they learned', async () => {
    const flags = [...TINY, '--step-size', '0.2', '--rate', '0.01', '--cells', '80', '--seed', '5'];
    const {
      densities,
      temperature,
      grid: of,
      stdout,
    } = await written('learned', 'toy-1d', 'mixture1d', ...flags);
    expect(temperature).toBeCloseTo(1, 12);
    const toy = mixture1d();
    const settings = { iterations: 3, steps: 4, stepSize: 0.2, rate: 0.01, seed: 5 };
    const { energy } = await learnToy(QUIET, toy, settings);
    // Independently: sums over the cells, by hand.
    const width = (of.high - of.low) / 80;
    const centres = Float32Array.from({ length: 80 }, (_, i) => of.low + (i + 0.5) * width);
    const weights = [...(await energy.negativeEnergy(tf.tensor2d(centres, [80, 1])).data())].map(Math.exp);
    const z = weights.reduce((a, b) => a + b, 0) * width;
    const truth = [...toy.logDensity(centres)].map(Math.exp);
    let [entropy, divergence] = [0, 0];
    weights.forEach((weight, i) => {
      const q = weight / z;
      entropy -= width * q * Math.log(q);
      divergence += width * truth[i]! * Math.log(truth[i]! / q);
    });
    expect(densities[EBM]!.entropy).toBeCloseTo(entropy, 4);
    expect(densities[EBM]!.divergence).toBeCloseTo(divergence, 3);
    for (const [name, { entropy: h, divergence: kl }] of Object.entries(densities)) {
      const line = stdout.split('\n').find((one) => one.startsWith(name))!;
      expect(line).toContain(h.toFixed(4));
      expect(line).toContain(kl.toFixed(4));
    }
    const svg = readFileSync(at('learned.svg'), 'utf8');
    expect(svg).toContain(`truth, entropy ${densities.truth!.entropy.toFixed(2)}`);
    tf.dispose(Object.values(energy.variables));
  });

  it('give the same numbers for the same seed and others for another', async () => {
    const flags = [...TINY, '--cells', '30'];
    const [first, again, other] = [
      await written('first', 'toy-2d', 'moons', ...flags),
      await written('again', 'toy-2d', 'moons', ...flags),
      await written('other', 'toy-2d', 'moons', ...flags, '--seed', '1'),
    ];
    expect(again.densities).toEqual(first.densities);
    expect(other.densities).not.toEqual(first.densities);
    expect(readFileSync(at('again.svg'), 'utf8')).toBe(readFileSync(at('first.svg'), 'utf8'));
  });

  it('see learning: samples are nearer to the truth than any Gaussian is, and those of an untrained net are not', async () => {
    const toy = mixture1d();
    const of = gridOf(toy);
    const truth = toy.logDensity(of.centres).map(Math.exp);
    const expected = (value: (x: number) => number): number =>
      of.cellVolume * truth.reduce((sum, density, i) => sum + density * value(of.centres[i]!), 0);
    const mean = expected((x) => x);
    const variance = expected((x) => (x - mean) ** 2);
    // KL(p ‖ N) is least at the mean and the variance of p, and what finds no modes can do no better.
    const ofGaussian = 0.5 * Math.log(2 * Math.PI * Math.E * variance) - entropy(of, truth);
    const divergence = async (iterations: string): Promise<number> => {
      const flags = ['--steps', '10', '--step-size', '0.2', '--rate', '0.01', '--count', '2000'];
      const args = [...flags, '--cells', '100', '--iterations', iterations];
      return (await written('d', 'toy-1d', 'mixture1d', ...args)).densities[SAMPLES]!.divergence;
    };
    expect(await divergence('1')).toBeGreaterThan(ofGaussian);
    expect(await divergence('150')).toBeLessThan(ofGaussian);
  }, 300_000);

  it('take a checkpoint, with the toy that its run learned and its own sampler', async () => {
    const model = at('line.safetensors');
    const { toy, sampler, temperature } = await written(
      'c',
      'toy-1d',
      model,
      '--count',
      '200',
      '--cells',
      '50',
    );
    expect(toy).toBe('mixture1d');
    expect(sampler).toMatchObject({ steps: 4, drift: 0.05, noise: 0.3 });
    expect(temperature).toBeCloseTo(0.9, 12);
    const plane = at('plane.safetensors');
    const named = await written(
      'n',
      'toy-2d',
      plane,
      '--truth',
      'rings',
      '--steps',
      '6',
      '--count',
      '200',
      '--cells',
      '20',
    );
    expect(named).toMatchObject({ toy: 'rings', sampler: { steps: 6 } });
  });

  it('write a PNG, and JSON alone to standard output', async () => {
    const args = ['toy-1d', 'mixture1d', ...TINY, '--cells', '20', '--out', at('p.png'), '--json'];
    const { stdout } = await evaluateOnCpu(...args);
    expect((JSON.parse(stdout) as Written).toy).toBe('mixture1d');
    expect((await sharp(at('p.png')).metadata()).format).toBe('png');
  });

  it('stop learning when they are asked to, and leave no tensor and no file', async () => {
    await tf.setBackend('cpu');
    const before = tf.memory().numTensors;
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 100);
    const args = ['toy-2d', 'rings', '--out', at('stopped.svg'), '--backend', 'cpu'];
    const { code, stderr } = await evaluate(args, stop.signal);
    expect(code).toBe(130);
    expect(stderr).toContain('stopped');
    expect(existsSync(at('stopped.svg'))).toBe(false);
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each([
    ['a toy of another dimension', ['toy-1d', 'rings'], 2, 'rings has 2 dimensions: use toy-2d'],
    [
      'settings of learning for a checkpoint',
      ['toy-1d', 'line.safetensors', '--rate', '1'],
      2,
      'rate: is for learning',
    ],
    [
      'a checkpoint that learned no toy',
      ['toy-2d', 'plane.safetensors'],
      2,
      'truth: must be the toy that was learned',
    ],
    ['a checkpoint of images', ['toy-2d', 'images.safetensors'], 1, 'expected shape [2], got [8, 8, 3]'],
    [
      'a truth for a toy that is its own',
      ['toy-2d', 'moons', '--truth', 'rings'],
      2,
      'truth: is for a checkpoint',
    ],
    ['what is not there', ['toy-2d', 'absent'], 1, 'absent'],
  ])('refuse %s', async (_, [command, source, ...flags], exitCode, message) => {
    const path = source!.endsWith('.safetensors') ? at(source!) : source!;
    const args = [command!, path, '--out', at('no.svg'), '--backend', 'cpu', ...flags];
    const { code, stderr } = await evaluate(args);
    expect(code).toBe(exitCode);
    expect(stderr).toContain(message);
    expect(existsSync(at('no.svg'))).toBe(false);
  });

  it.each([
    ['toy-1d', 'mixture1d', ['--step-size', '1', '--rate', '5']],
    ['toy-2d', 'rings', ['--rate', '1', '--iterations', '40']],
  ])('%s %s that diverges says what to lower', async (command, toy, flags) => {
    const args = [command, toy, ...TINY, ...flags, '--out', at('wild.svg'), '--backend', 'cpu'];
    const { code, stderr } = await evaluate(args);
    expect(stderr).toMatch(/error: learning diverged: .*: lower --rate or --step-size\n$/);
    expect(code).toBe(1);
    expect(existsSync(at('wild.svg'))).toBe(false);
  });
});
