import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { readCheckpoint } from '@srmcmc/checkpoint';
import { key, split } from '@srmcmc/core';
import { readJsonLines } from '../src/json-lines.ts';
import { resolveConfig, resumedConfig } from '../src/config.ts';
import { measure, type Measurement } from '../src/measure.ts';
import { energyFor, learnerOf } from '../src/model.ts';
import { examplesTensor, openData } from '../src/data.ts';
import { initialState, learningStep } from '@srmcmc/estimators';
import { train } from '../src/train.ts';
import { batches, foldIn } from '@srmcmc/core';
import { beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder, tinyConfig, tinyFields, tinyImageFields, writeImages } from './fixtures.ts';

let runs: string;
let images: string;
beforeAll(async () => {
  runs = await temporaryFolder();
  images = await writeImages(await temporaryFolder());
});

test('1,000 iterations leave the number of tensors and the memory where they were', async () => {
  const tensors: number[] = [];
  const memory: number[] = [];
  const config = tinyConfig({
    runs,
    name: 'leaks',
    iterations: 1000,
    checkpointEvery: 100,
    sampleEvery: 250,
  });
  await train(config, {
    onProgress: (progress) => {
      if (progress.kind !== 'iteration') return;
      tensors.push(tf.memory().numTensors);
      memory.push(progress.memory);
    },
  });
  expect(tensors).toHaveLength(1000);
  expect(new Set(tensors).size).toBe(1);
  expect(tf.memory().numTensors).toBe(0);
  // The collector needs room to breathe, more so for objects that outlive a turn of the event loop.
  const megabytes = (from: number, to: number): number => Math.max(...memory.slice(from, to)) / 1e6;
  expect(megabytes(900, 1000) - megabytes(400, 500)).toBeLessThan(64);
});

test('hmc of one leapfrog step learns what langevin learns, of more it learns something else, and resumes', async () => {
  const learnt = async (name: string, fields: object): Promise<readonly Measurement[]> => {
    const config = resolveConfig({ ...tinyImageFields(images), runs, name, iterations: 4, ...fields });
    return readJsonLines<Measurement>((await train(config)).folder.metrics);
  };
  const langevin = await learnt('langevin', {});
  const one = await learnt('hmc-1', { kernel: 'hmc', leapfrogSteps: 1 });
  const three = await learnt('hmc-3', { kernel: 'hmc', leapfrogSteps: 3 });
  langevin.forEach(({ sampleValue, gradientNorm }, i) => {
    expect(one[i]!.sampleValue).toBeCloseTo(sampleValue, 5);
    expect(one[i]!.gradientNorm).toBeCloseTo(gradientNorm, 5);
  });
  expect(three[0]!.gradientNorm).not.toBeCloseTo(langevin[0]!.gradientNorm, 5);
  const { checkpoint } = await readCheckpoint(join(runs, 'hmc-3'));
  expect(checkpoint.sampler).toMatchObject({ kernel: 'hmc', leapfrogSteps: 3, drift: 1, noise: 0.01 });
  const wrong = resolveConfig({ ...tinyImageFields(images), runs, name: 'still', kernel: 'hmc', noise: 0 });
  await expect(train(wrong)).rejects.toThrow('noise: must be positive for hmc');
});

test('an iteration is Algorithm 1: the same numbers come from learningStep with the same keys', async () => {
  const config = resolveConfig({
    ...tinyImageFields(images),
    runs,
    name: 'algorithm',
    iterations: 3,
    seed: 5,
  });
  const { folder } = await train(config);
  const written = await readJsonLines<Measurement>(folder.metrics);

  const dataset = await openData(config);
  const [weights, data, learning, chains] = split(key(5), 5) as [never, never, never, never];
  const energy = energyFor(config, dataset.shape, weights);
  const learner = learnerOf(config, energy, 1);
  let state = initialState(learner, chains);
  const stream = batches(dataset, { batchSize: config.batch, key: data });
  for (let i = 0; i < 3; i++) {
    const x = examplesTensor((await stream.next()).value, dataset.shape);
    const step = await learningStep(learner, state, x, foldIn(learning, i));
    const { weightSum: _, ...measured } = await measure(step, energy.variables);
    expect(written[i]).toMatchObject(measured);
    state = step.state;
  }
  tf.disposeVariables();
  tf.dispose(state as never);
});

describe('stopping', () => {
  test('by the signal ends after the iteration at hand, with a checkpoint, a picture and a report', async () => {
    const controller = new AbortController();
    const { reason, iteration, folder } = await train(tinyConfig({ runs, name: 'stopped' }), {
      signal: controller.signal,
      onProgress: (progress) => {
        if (progress.kind === 'iteration' && progress.measurement.iteration === 7) controller.abort();
      },
    });
    expect({ reason, iteration }).toEqual({ reason: 'interrupted', iteration: 7 });
    expect((await readCheckpoint(folder.path)).checkpoint.iteration).toBe(7);
    expect(await readdir(folder.samples)).toContain('samples-00000007.png');
    expect(await readFile(folder.report, 'utf8')).toContain('7 of 20 iterations');
  });

  test('by the time limit says so', async () => {
    const config = tinyConfig({ runs, name: 'limited', iterations: 1e6, maxMinutes: 0.05 });
    const { reason, iteration } = await train(config);
    expect(reason).toBe('time limit');
    expect(iteration).toBeGreaterThan(0);
  });

  test('the event loop gets its turn between iterations', async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await train(tinyConfig({ runs, name: 'responsive', iterations: 30 }));
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(15);
  });
});

describe('a run that is stopped and resumed', () => {
  const cases = {
    'with fresh chains': {},
    'with persistent chains, whose buffer is in the checkpoint': { chains: 'persistent', bufferSize: 24 },
    'with data-initialised chains and annealing': {
      chains: 'data',
      learningRateDecay: 0.1,
      sigmaDecay: 0.5,
      sigma: 0.05,
      annealFrom: 0.2,
    },
  };
  for (const [name, fields] of Object.entries(cases)) {
    test(`${name} ends with the bytes of one that was not`, async () => {
      const given = { ...tinyFields, ...fields, runs, name: 'compared' };
      const whole = await train(tinyConfig(given));
      const controller = new AbortController();
      const part = await train(tinyConfig(given), {
        signal: controller.signal,
        onProgress: (progress) => {
          if (progress.kind === 'iteration' && progress.measurement.iteration === 13) controller.abort();
        },
      });
      expect(part.iteration).toBe(13);
      const config = resumedConfig(JSON.parse(await readFile(part.folder.config, 'utf8')), {});
      await train(config, { resume: part.folder });
      const final = (folder: string): Promise<Buffer> =>
        readFile(join(folder, 'checkpoints', 'checkpoint-00000020.safetensors'));
      expect(await final(part.folder.path)).toEqual(await final(whole.folder.path));
      expect(await readFile(part.folder.metrics)).toEqual(await readFile(whole.folder.metrics));
    });
  }

  test('keeps what is random a function of the seed: another seed gives other weights', async () => {
    const weightsOf = async (seed: number): Promise<string> => {
      const { folder } = await train(tinyConfig({ runs, name: 'seeds', seed, iterations: 2 }));
      return JSON.stringify([
        ...(await readCheckpoint(folder.path)).checkpoint.weights.get('f.0.weight')!.data,
      ]);
    };
    const first = await weightsOf(1);
    const again = await weightsOf(1);
    const other = await weightsOf(2);
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });
});

test('a run folder that exists is left alone and the next number taken', async () => {
  const config = tinyConfig({ runs, name: 'again', iterations: 1 });
  const first = await train(config);
  const before = await readFile(first.folder.metrics);
  const second = await train(config);
  expect(second.folder.path).toBe(`${first.folder.path}-2`);
  expect(await readFile(first.folder.metrics)).toEqual(before);
});

test('of the scheduled checkpoints the newest stay, as many as asked for', async () => {
  const { folder } = await train(tinyConfig({ runs, name: 'kept', keep: 2 }));
  expect((await readdir(folder.checkpoints)).sort()).toEqual([
    'checkpoint-00000015.safetensors',
    'checkpoint-00000020.safetensors',
  ]);
});

test('learning moves the samples towards the data: a ring of eight Gaussians at radius 2', async () => {
  const config = tinyConfig({
    runs,
    name: 'ring',
    iterations: 120,
    hidden: [24, 24],
    steps: 15,
    batch: 32,
    stepSize: 0.2,
    learningRate: 3e-3,
    checkpointEvery: 300,
  });
  const { folder } = await train(config);
  const metrics = await readJsonLines<Measurement>(folder.metrics);
  // Mean |x| of a coordinate on a circle of radius 2 is 2 · 2/π = 1.27; of the chains' uniform start on [-3, 3] it is 1.5.
  const mean = (from: number): number =>
    metrics.slice(from, from + 20).reduce((sum, one) => sum + one.sampleMagnitude / 20, 0);
  expect(Math.abs(mean(100) - 4 / Math.PI)).toBeLessThan(0.12);
  expect(Math.abs(mean(0) - 4 / Math.PI)).toBeGreaterThan(0.15);
});
