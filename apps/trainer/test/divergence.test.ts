import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readCheckpoint } from '@srmcmc/checkpoint';
import { DivergedError } from '@srmcmc/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { resumedConfig } from '../src/config.ts';
import { divergence } from '../src/divergence.ts';
import type { Rollback } from '../src/learning-run.ts';
import { train } from '../src/train.ts';
import { temporaryFolder, tinyConfig, tinyFields } from './fixtures.ts';

let runs: string;
beforeAll(async () => {
  runs = await temporaryFolder();
});

/** A learning rate that throws the weights to 1e30 in one step, where f(x) leaves the range of floats. */
const wild = { ...tinyFields, learningRate: 1e30, rollbackFactor: 1e-33, maxRollbacks: 1 };

test('a run that leaves the floats goes back, learns on with a smaller rate, and says so in one line', async () => {
  const notes: string[] = [];
  const { reason, folder } = await train(tinyConfig({ ...wild, runs, name: 'survives' }), {
    onProgress: (progress) => {
      if (progress.kind === 'note') notes.push(progress.text);
    },
  });
  expect(reason).toBe('completed');
  const told = notes.filter((text) => text.includes('rollback'));
  expect(told).toHaveLength(1);
  expect(told[0]).toMatch(
    /^iteration [12]: .* is (NaN|-?Infinity); back to iteration 0 with learning rate 0\.00100 \(rollback 1 of 1\)$/,
  );
  const { checkpoint } = await readCheckpoint(folder.path);
  expect((checkpoint.progress.rollbacks as unknown as Rollback[])[0]).toMatchObject({
    to: 0,
    learningRateScale: 1e-33,
  });
  const lines = (await readFile(folder.metrics, 'utf8')).trim().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { iteration: number }).iteration)).toEqual(
    Array.from({ length: 20 }, (_, i) => i + 1),
  );
});

test('a rollback takes back the pictures of the iterations that it undoes', async () => {
  const pictures: string[][] = [];
  const given = { ...tinyFields, saturation: 1.5, maxRollbacks: 1, sampleEvery: 1, checkpointEvery: 100 };
  const samples = join(runs, 'pictures', 'samples');
  // The chains start uniformly on [-3, 3], where mean |x| is 1.5: sooner or later a batch exceeds that.
  await train(tinyConfig({ ...given, runs, name: 'pictures' }), {
    onProgress: (progress) => {
      if (progress.kind === 'note' && progress.text.includes('rollback')) pictures.push(readdirSync(samples));
    },
  }).catch((error: unknown) => expect(error).toBeInstanceOf(DivergedError));
  expect(pictures).toEqual([['samples-00000000.png']]);
});

test('once its rollbacks are used up the run ends in DivergedError with advice, its checkpoint still good', async () => {
  const given = { ...wild, rollbackFactor: 0.5, maxRollbacks: 2, runs, name: 'hopeless' };
  const error = await train(tinyConfig(given)).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(DivergedError);
  expect((error as Error).message).toMatch(
    /after 2 rollbacks, the last with 0\.25 .* Try a smaller --learning-rate/,
  );
  const { checkpoint } = await readCheckpoint(join(runs, 'hopeless'));
  expect(checkpoint.iteration).toBe(0);
  expect([...checkpoint.weights.values()].every(({ data }) => data.every(Number.isFinite))).toBe(true);
  expect(tf.memory().numTensors).toBe(0);
});

test('rollbacks come out the same when the run is stopped and resumed around them', async () => {
  const whole = await train(tinyConfig({ ...wild, runs, name: 'same' }));
  let stopAt = 3;
  let folder = whole.folder;
  for (let first = true; stopAt <= 20; stopAt += 8, first = false) {
    const controller = new AbortController();
    const config = first
      ? tinyConfig({ ...wild, runs, name: 'same' })
      : resumedConfig(JSON.parse(await readFile(folder.config, 'utf8')), {});
    const part = await train(config, {
      ...(!first && { resume: folder }),
      signal: controller.signal,
      onProgress: (progress) => {
        if (progress.kind === 'iteration' && progress.measurement.iteration === stopAt) controller.abort();
      },
    });
    folder = part.folder;
  }
  const config = resumedConfig(JSON.parse(await readFile(folder.config, 'utf8')), {});
  await train(config, { resume: folder });
  const final = 'checkpoints/checkpoint-00000020.safetensors';
  expect(folder.path).not.toBe(whole.folder.path);
  expect(await readFile(join(folder.path, final))).toEqual(await readFile(join(whole.folder.path, final)));
  expect(await readFile(folder.metrics)).toEqual(await readFile(whole.folder.metrics));
});

/** Elements of a CIFAR-10 image. */
const SIZE = 3072;

test('chains that travel much farther than their start is large count as diverged', () => {
  const config = tinyConfig({ steps: 25, drift: 1, stepSize: null, initialRange: 1, travel: 2 });
  const good = { iteration: 1, dataValue: 0, sampleValue: 0, sampleMagnitude: 0.4, weightSum: 10 };
  // Table 2 of the paper, K = 25: a mean |f'| of 1.76 is healthy, 0.79 times √3072 in 25 steps.
  expect(divergence({ ...good, gradientNorm: 1.76 }, config, SIZE)).toBeUndefined();
  expect(divergence({ ...good, gradientNorm: 5 }, config, SIZE)).toMatch(/run away: they travel 2\.26 times/);
});

test('samples that saturate count as diverged although every number is finite', () => {
  const config = tinyConfig({ saturation: 2 });
  const good = {
    iteration: 1,
    dataValue: 0,
    sampleValue: 0,
    gradientNorm: 1,
    sampleMagnitude: 1.9,
    weightSum: 10,
  };
  expect(divergence(good, config, SIZE)).toBeUndefined();
  expect(divergence({ ...good, sampleMagnitude: 2.1 }, config, SIZE)).toMatch(
    /saturate: their mean \|x\| is 2\.10, the limit 2/,
  );
  for (const field of ['dataValue', 'sampleValue', 'gradientNorm', 'sampleMagnitude', 'weightSum'] as const) {
    for (const value of [NaN, Infinity, -Infinity]) {
      expect(divergence({ ...good, [field]: value }, config, SIZE), `${field} ${value}`).toContain(
        `is ${value}`,
      );
    }
  }
});
