import { copyFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { selectBackend } from '@srmcmc/backends';
import { listCheckpoints, readCheckpoint } from '@srmcmc/checkpoint';
import { elements, type Energy, fromFunction, key, uniforms } from '@srmcmc/core';
import { energyOf, loadStateDict } from '@srmcmc/energy';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Config, type GivenConfig, resolveConfig, resumedConfig } from '../src/config.ts';
import { openData } from '../src/data.ts';
import { evaluationOf, referenceIndices } from '../src/evaluation.ts';
import { bestOf, type EvaluationRecord } from '../src/evaluations.ts';
import { readJsonLines } from '../src/json-lines.ts';
import type { RunFolder } from '../src/run-folder.ts';
import { train, type TrainOptions } from '../src/train.ts';
import { temporaryFolder, tinyConfig, tinyImageFields, writeImages } from './fixtures.ts';

let runs: string;
let images: string;
beforeAll(async () => {
  runs = await temporaryFolder();
  images = await writeImages(await temporaryFolder());
  await selectBackend('cpu');
});

/** Learns fast enough that the distance falls, and rises at times. */
function fields(name: string) {
  const learning = { learningRate: 0.01, iterations: 20, evaluateEvery: 3, checkpointEvery: 5, keep: 2 };
  return { ...tinyImageFields(images), runs, name, ...learning };
}

const recordsOf = (folder: RunFolder): Promise<EvaluationRecord[]> =>
  readJsonLines<EvaluationRecord>(folder.evaluations);

/** The iterations at which the distance was less than ever before. */
const records = (all: readonly EvaluationRecord[]): number[] =>
  all
    .filter(({ distance }, i) => all.slice(0, i).every((earlier) => distance < earlier.distance))
    .map(({ iteration }) => iteration);

function stopAt(iteration: number): Pick<TrainOptions, 'signal' | 'onProgress'> {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    onProgress: (progress) => {
      if (progress.kind === 'iteration' && progress.measurement.iteration === iteration) controller.abort();
    },
  };
}

async function resume(folder: RunFolder, given: GivenConfig = {}) {
  const config = resumedConfig(JSON.parse(await readFile(folder.config, 'utf8')) as Config, given);
  return train(config, { resume: folder });
}

/** f of gradient (m - x) / 2, m the mean image of the data. */
async function towardsMean(): Promise<Energy> {
  const data = await openData(resolveConfig(tinyImageFields(images)));
  const all = await data.gather(Array.from({ length: data.size }, (_, i) => i));
  const mean = new Float32Array(elements(data.shape));
  all.forEach((byte, i) => (mean[i % mean.length]! += (byte / 127.5 - 1) / data.size));
  return fromFunction((x) => {
    const away = tf.sub(x, tf.tensor(mean, [1, ...data.shape]));
    return tf.mul(tf.sum(tf.square(away), [1, 2, 3]), -0.25) as tf.Tensor1D;
  }, data.shape);
}

describe('the distance', () => {
  const shape = [8, 8, 3];
  const evaluate = async (energy: Energy) => {
    const config = resolveConfig({ ...tinyImageFields(images), steps: 1, noise: 0 });
    const data = await openData(config);
    const examples = (await data.gather(referenceIndices(data.size))) as Uint8Array;
    return (await evaluationOf(config, shape, examples))(energy);
  };

  test('is 0 for samples that are the data, and falls as samples come nearer to them', async () => {
    // With f = 0 and no noise a sample is where its chain began, uniform on [-1, 1].
    const flat = fromFunction((x) => tf.sum(tf.mul(x, 0), [1, 2, 3]) as tf.Tensor1D, shape);
    const config = resolveConfig({ ...tinyImageFields(images), steps: 1, noise: 0 });
    const noise = Uint8Array.from(uniforms(key(5), 4000, elements(shape)), (u) => Math.round(255 * u));
    const toNoise = await (await evaluationOf(config, shape, noise))(flat);
    // 128 samples of the very distribution: what is left is the bias of few samples.
    expect(toNoise.pixels).toBeLessThan(0.15);
    expect(toNoise.spectrum).toBeLessThan(0.02);
    const toData = await evaluate(flat);
    expect(toData.spectrum).toBeGreaterThan(1);
    // x + f'(x) with f' = (m - x) / 2 is half way to the mean image m, which all of the data resemble.
    const towards = await towardsMean();
    const half = await evaluate(towards);
    expect(half.pixels).toBeLessThan(toData.pixels);
    expect(half.spectrum).toBeLessThan(toData.spectrum);
    expect(half.distance).toBe(half.pixels + half.spectrum);
  });
});

test('a run and the same run again have the same curve, and another seed is measured by the same chains and data', async () => {
  const first = await train(resolveConfig(fields('curve')));
  const again = await train(resolveConfig(fields('curve')));
  const other = await train(resolveConfig({ ...fields('curve'), seed: 1 }));
  const [a, b, c] = await Promise.all([first, again, other].map(({ folder }) => recordsOf(folder)));
  expect(await readFile(again.folder.evaluations)).toEqual(await readFile(first.folder.evaluations));
  expect(a!.map(({ iteration }) => iteration)).toEqual([3, 6, 9, 12, 15, 18, 20]);
  expect(b).toEqual(a);
  expect(c!.map(({ distance }) => distance)).not.toEqual(a!.map(({ distance }) => distance));
  expect(c![0]!.computedWith).toEqual(a![0]!.computedWith);
});

test('evaluating changes nothing of what is learned, and the thread finds what this one does', async () => {
  const { folder } = await train(resolveConfig(fields('with')));
  const without = await train(resolveConfig({ ...fields('without'), evaluateEvery: null }));
  expect(await readFile(folder.metrics)).toEqual(await readFile(without.folder.metrics));
  expect(await readdir(without.folder.path)).not.toContain('best');

  const { checkpoint } = await readCheckpoint(folder.path);
  const config = checkpoint.config as unknown as Config;
  const data = await openData(config);
  const examples = (await data.gather(referenceIndices(data.size))) as Uint8Array;
  const energy = energyOf(checkpoint.network, key(0));
  loadStateDict(energy, checkpoint.weights);
  const here = await (await evaluationOf(config, data.shape, examples))(energy);
  expect((await recordsOf(folder)).at(-1)).toEqual({ iteration: 20, ...here });
  tf.disposeVariables();
});

test('best/ has the checkpoint of the least distance as its newest, with the weights of that iteration', async () => {
  const { folder } = await train(resolveConfig({ ...fields('best'), keep: 100, checkpointEvery: 3 }));
  const all = await recordsOf(folder);
  const least = Math.min(...all.map(({ distance }) => distance));
  const { checkpoint, path } = await readCheckpoint(folder.best);
  expect(checkpoint.iteration).toBe(all.find(({ distance }) => distance === least)!.iteration);
  expect(bestOf(all)!.iteration).toBe(checkpoint.iteration);
  expect(await readFile(path)).toEqual(
    await readFile(path.replace(`${folder.best}/`, `${folder.checkpoints}/`)),
  );
  expect(await readFile(folder.report, 'utf8')).toContain(`iteration ${checkpoint.iteration}, distance`);
});

describe('a run that is stopped and resumed', () => {
  // At an evaluation, between two, at a checkpoint.
  for (const iteration of [9, 10, 13]) {
    test(`at iteration ${iteration} ends with the evaluations and the best of one that was not`, async () => {
      const whole = await train(resolveConfig(fields('compared')));
      const part = await train(resolveConfig(fields('compared')), stopAt(iteration));
      expect(part.iteration).toBe(iteration);
      await resume(part.folder);
      expect(await readFile(part.folder.evaluations)).toEqual(await readFile(whole.folder.evaluations));
      const names = (await readdir(whole.folder.best)).sort();
      expect((await readdir(part.folder.best)).sort()).toEqual(names);
      for (const name of names) {
        expect(await readFile(join(part.folder.best, name))).toEqual(
          await readFile(join(whole.folder.best, name)),
        );
      }
    });
  }

  test('makes the evaluation again that was lost with the line, and forgets those that are later', async () => {
    const { folder } = await train(resolveConfig({ ...fields('crash'), keep: 100, checkpointEvery: 3 }));
    const before = await readFile(folder.evaluations);
    const bests = (await readdir(folder.best)).sort();
    // As after a crash at iteration 12, whose line was not yet written, with a checkpoint of best/ that has none.
    for (const { iteration, path } of await listCheckpoints(folder.checkpoints)) {
      if (iteration > 12) await rm(path);
    }
    const all = await recordsOf(folder);
    await writeFile(
      folder.evaluations,
      all
        .filter(({ iteration }) => iteration < 12)
        .map((record) => `${JSON.stringify(record)}\n`)
        .join(''),
    );
    await copyFile(
      (await readCheckpoint(folder.best)).path,
      join(folder.best, 'checkpoint-00000013.safetensors'),
    );
    await resume(folder);
    expect(await readFile(folder.evaluations)).toEqual(before);
    expect((await readdir(folder.best)).sort()).toEqual(bests);
  });

  test('keeps the best of every checkpoint that it may go back to, and no more', async () => {
    const { folder } = await train(resolveConfig({ ...fields('pruned'), evaluateEvery: 1, keep: 2 }));
    const lows = records(await recordsOf(folder));
    // Checkpoints 15 and 20 are left.
    const standing = lows.filter((iteration) => iteration <= 15).at(-1)!;
    const kept = (await listCheckpoints(folder.best)).map(({ iteration }) => iteration);
    expect(kept).toEqual(lows.filter((iteration) => iteration >= standing));
  });
});

test('a rollback takes back the evaluations, and the best, of the iterations that it undoes', async () => {
  const given = { ...fields('wild'), iterations: 8, evaluateEvery: 1 };
  const wild = { learningRate: 1e30, rollbackFactor: 1e-33, maxRollbacks: 1 };
  const { folder } = await train(resolveConfig({ ...given, ...wild }));
  const { checkpoint } = await readCheckpoint(folder.path);
  expect(checkpoint.progress.rollbacks).toMatchObject([{ to: 0 }]);
  const tame = await train(resolveConfig({ ...given, learningRate: 1e-3 }));
  const [left, right] = [await recordsOf(folder), await recordsOf(tame.folder)];
  expect(left.map(({ iteration }) => iteration)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  left.forEach(({ distance }, i) => expect(distance).toBeCloseTo(right[i]!.distance, 3));
  expect((await readCheckpoint(folder.best)).checkpoint.iteration).toBe(bestOf(left)!.iteration);
});

test('evaluating that fails is told once, and learning goes on', async () => {
  const notes: string[] = [];
  // One example has no covariance.
  const one = await writeImages(await temporaryFolder(), 1);
  const config = resolveConfig({ ...fields('failing'), data: one, batch: 1 });
  const { reason, folder } = await train(config, {
    onProgress: (progress) => void (progress.kind === 'note' && notes.push(progress.text)),
  });
  expect(reason).toBe('completed');
  expect(notes.filter((text) => text.startsWith('no more evaluations: '))).toHaveLength(1);
  expect(await recordsOf(folder)).toEqual([]);
});

test('points are not evaluated', async () => {
  const { folder } = await train(tinyConfig({ runs, name: 'points', iterations: 2, evaluateEvery: 1 }));
  expect(await readdir(folder.path)).not.toContain('evaluations.jsonl');
});
