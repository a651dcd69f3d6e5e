import * as tf from '@tensorflow/tfjs-core';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { key } from '@srmcmc/core';
import { mixture1d } from '@srmcmc/datasets';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { openModel } from '../src/model.ts';
import { variedDensitiesPlot } from '../src/pictures/varied-densities-plot.ts';
import { sampleBatches } from '../src/sampling.ts';
import { gridOf, measuresAgainst } from '../src/toys/densities.ts';
import { temporaryFolder, writePointCheckpoint } from './checkpoints.ts';
import { evaluate, evaluateOnCpu } from './program.ts';

const folder = temporaryFolder();
const at = (name: string): string => join(folder, name);
const STEPS = [1, 4, 12];
const COUNT = 400;

beforeAll(async () => {
  await writePointCheckpoint(at('line.safetensors'), 1, { config: { data: 'mixture1d' } });
  await writePointCheckpoint(at('plane.safetensors'), 2, { config: { data: 'rings' } });
  const initial = { name: 'uniform', low: -1, high: 1 } as const;
  const sampler = { kernel: 'langevin', drift: 1, noise: 1e38, steps: 4, initial } as const;
  await writePointCheckpoint(at('wild.safetensors'), 2, { sampler });
});

interface Numbers {
  readonly divergence: number;
  readonly entropy: number;
  readonly outside: number;
  readonly bandwidth: number;
}

interface Written {
  readonly model: string;
  readonly iteration: number;
  readonly chains: number;
  readonly truth: { readonly toy: string; readonly entropy: number };
  readonly rows: readonly {
    readonly steps: number;
    readonly samples: Numbers | null;
    readonly gradientNorm: number;
    readonly lastGradientNorm: number;
    readonly diverged: number;
  }[];
  readonly exactDraws: Numbers;
}

async function varied(
  model: string,
  ...flags: string[]
): Promise<Written & { stdout: string; stderr: string }> {
  const files = ['--out', at('k.svg'), '--json', at('k.json')];
  const settings = ['--count', String(COUNT), '--steps', STEPS.join()];
  const { stdout, stderr } = await evaluateOnCpu('vary-k', model, ...files, ...settings, ...flags);
  return { ...(JSON.parse(readFileSync(at('k.json'), 'utf8')) as Written), stdout, stderr };
}

function labelsIn(path: string): string[] {
  return [...readFileSync(path, 'utf8').matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, label]) => label!);
}

describe('vary-k of points', () => {
  it('estimates the density of the samples that each K draws alone, and of exact draws', async () => {
    const { rows, truth, exactDraws } = await varied(at('line.safetensors'));
    const model = await openModel(at('line.safetensors'));
    const toy = mixture1d();
    const { sampled, truth: exactTruth } = measuresAgainst(toy, gridOf(toy));
    expect(truth).toEqual({ toy: 'mixture1d', entropy: exactTruth.entropy });
    expect(rows.map(({ steps }) => steps)).toEqual(STEPS);
    for (const { steps, samples } of rows) {
      const sampling = { count: COUNT, steps, seed: 0, batch: COUNT, noise: true };
      for await (const { values } of sampleBatches(model, sampling)) {
        const { density: _, ...numbers } = sampled(values);
        expect(samples).toEqual(numbers);
      }
    }
    // A kernel estimate of draws of the toy itself is nearer than that of a net that learned nothing.
    for (const { samples } of rows) expect(exactDraws.divergence).toBeLessThan(samples!.divergence);
  });

  it('agrees with toy-1d at the K of learning', async () => {
    const { rows, exactDraws } = await varied(at('line.safetensors'));
    const files = ['--out', at('toy.svg'), '--json', at('toy.json')];
    await evaluateOnCpu('toy-1d', at('line.safetensors'), ...files, '--count', String(COUNT));
    const { densities } = JSON.parse(readFileSync(at('toy.json'), 'utf8')) as {
      densities: Record<string, { divergence: number }>;
    };
    expect(rows[1]!.samples!.divergence).toBe(densities['KDE of short-run samples']!.divergence);
    expect(exactDraws.divergence).toBe(densities['KDE of as many exact draws']!.divergence);
  });

  it('gives the mean gradient of the chains before each step', async () => {
    const { rows } = await varied(at('plane.safetensors'), '--steps', '1,2');
    const { energy, initial, ...model } = await openModel(at('plane.safetensors'));
    for await (const { values } of sampleBatches(
      { energy, initial, ...model },
      { count: COUNT, steps: 1, seed: 0, batch: COUNT, noise: true },
    )) {
      const norm = tf.tidy(() => {
        const slope = tf.grad((x) => tf.sum(energy.negativeEnergy(x)))(tf.tensor(values, [COUNT, 2]));
        return tf.mean(tf.norm(slope, 'euclidean', 1)).dataSync()[0]!;
      });
      expect(rows[1]!.lastGradientNorm / norm).toBeCloseTo(1, 4);
    }
    expect(rows[0]!.gradientNorm).toBe(rows[0]!.lastGradientNorm);
    expect(rows[1]!.gradientNorm).toBeCloseTo((rows[0]!.gradientNorm + rows[1]!.lastGradientNorm) / 2, 6);
  });

  it('draws the truth and a density for each K, the K of learning marked, and the numbers against K', async () => {
    const plane = await varied(at('plane.safetensors'), '--plot', at('plot.svg'));
    const maps = readFileSync(at('k.svg'), 'utf8').match(/<image [^>]*width="260"/g);
    expect(maps).toHaveLength(1 + STEPS.length);
    const labels = labelsIn(at('k.svg'));
    expect(labels).toContain('truth');
    for (const { steps, samples } of plane.rows) {
      const mark = steps === 4 ? ', as learned' : '';
      expect(labels).toContain(`K = ${steps}${mark}: KL ${Number(samples!.divergence.toPrecision(2))}`);
      expect(plane.stdout).toMatch(
        new RegExp(
          `^${steps}${mark} +${samples!.divergence.toFixed(4)} +${samples!.entropy.toFixed(4)} `,
          'm',
        ),
      );
    }
    // Four curves, of divergence, entropy and two of gradients.
    expect(readFileSync(at('plot.svg'), 'utf8').match(/<circle /g)).toHaveLength(4 * STEPS.length);
    await varied(at('line.safetensors'));
    expect(labelsIn(at('k.svg')).filter((label) => label === 'density')).toHaveLength(1 + STEPS.length);
  });

  it('learns a toy that is named, until it is stopped', async () => {
    await tf.setBackend('cpu');
    const before = tf.memory().numTensors;
    const stop = new AbortController();
    const args = ['vary-k', 'moons', '--out', at('moons.svg'), '--backend', 'cpu'];
    setTimeout(() => stop.abort(), 200);
    const { code, stderr } = await evaluate(args, stop.signal);
    expect(code).toBe(130);
    expect(stderr).toContain('stopped');
    expect(tf.memory().numTensors).toBe(before);
  });

  it('says how high a curve is that the panel cuts off', async () => {
    const toy = mixture1d();
    const grid = gridOf(toy);
    const { truth, sampled } = measuresAgainst(toy, grid);
    const exactDraws = sampled(toy.sample(key(0), COUNT));
    const narrow = sampled(Float32Array.from({ length: COUNT }, (_, i) => 0.001 * i));
    const row = { gradientNorm: 1, lastGradientNorm: 1, diverged: 0 };
    const rows = [
      { ...row, steps: 4, samples: exactDraws },
      { ...row, steps: 8, samples: narrow },
    ];
    const svg = await variedDensitiesPlot('mixture1d', { grid, truth, exactDraws, rows }, 4);
    expect(svg).toMatch(/K = 4, as learned: KL [\d.]+<\/text>/);
    expect(svg).toContain(`, peak ${Number(narrow.largest.toPrecision(2))}</text>`);
  });

  it('refuses another truth for a toy that is learned here', async () => {
    const args = ['vary-k', 'moons', '--out', at('no.svg'), '--reference', 'rings'];
    const { code, stderr } = await evaluate(args);
    expect(code).toBe(2);
    expect(stderr).toContain('reference: is for a model');
  });

  it('says how many chains diverged, and gives no numbers of theirs', async () => {
    const { rows, stderr, stdout } = await varied(at('wild.safetensors'), '--steps', '400');
    expect(rows[0]!.samples).toBeNull();
    expect(rows[0]!.diverged).toBeGreaterThan(0);
    expect(stderr).toContain(
      `warning: ${rows[0]!.diverged} of ${COUNT} chains are not finite after 400 steps`,
    );
    expect(stdout).toContain('none on the grid');
  });

  it('writes a PNG, and JSON alone to standard output', async () => {
    const args = ['--out', at('k.png'), '--count', '50', '--json', '--noise-off'];
    const { stdout } = await evaluateOnCpu('vary-k', at('plane.safetensors'), ...args);
    const written = JSON.parse(stdout) as Written;
    // Of K = 4: a twentieth and a quarter are one step, then a half, once, twice and five times.
    expect(written.rows.map(({ steps }) => steps)).toEqual([1, 2, 4, 8, 20]);
    expect((await sharp(at('k.png')).metadata()).format).toBe('png');
  });
});
