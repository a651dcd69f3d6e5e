import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readCheckpoint } from '@srmcmc/checkpoint';
import { parse, toFloat32 } from '@srmcmc/safetensors';
import { stateDict } from '@srmcmc/pth';
import { beforeAll, expect, test } from 'vitest';
import { main } from '../src/command.ts';
import { resolveConfig } from '../src/config.ts';
import { train, type TrainResult } from '../src/train.ts';
import { temporaryFolder, tinyConfig, tinyImageFields, writeImages } from './fixtures.ts';

let folder: string;
let images: string;
let learned: TrainResult;
beforeAll(async () => {
  folder = await temporaryFolder();
  images = await writeImages(folder);
  const config = { ...tinyImageFields(images), runs: folder, name: 'learned', iterations: 2 };
  learned = await train(resolveConfig({ ...config, export: join(folder, 'end.safetensors') }));
});

/** Names, shapes and values. */
const content = (tensors: ReadonlyMap<string, { shape: readonly number[]; data: Float32Array }>) =>
  Object.fromEntries(
    [...tensors].map(([name, { shape, data }]) => [name, { shape: [...shape], data: [...data] }]),
  );

async function learnedWeights() {
  return content((await readCheckpoint(learned.folder.path)).checkpoint.weights);
}

test('--export writes the learned weights, and nothing else, as a state dict', async () => {
  const { tensors } = parse(await readFile(join(folder, 'end.safetensors')));
  const read = new Map([...tensors].map(([name, tensor]) => [name, { ...tensor, data: toFloat32(tensor) }]));
  expect(content(read)).toEqual(await learnedWeights());
  expect(read.get('f.2.weight')!.shape).toEqual([4, 3, 4, 4]);
});

test('the command export makes a .pth file of a run, with the same weights', async () => {
  const file = join(folder, 'weights.pth');
  const stream = { write: () => true };
  expect(await main(['export', learned.folder.path, file], { stdout: stream, stderr: stream })).toBe(0);
  const read = [...stateDict(await readFile(file))].map(
    ([name, tensor]) => [name, { shape: tensor.shape, data: toFloat32(tensor) }] as const,
  );
  expect(content(new Map(read))).toEqual(await learnedWeights());
});

test('--init-weights starts from them, and takes the channels from the file: state dict, .pth or checkpoint', async () => {
  const files = [
    join(folder, 'end.safetensors'),
    join(folder, 'weights.pth'),
    join(learned.folder.checkpoints, 'checkpoint-00000002.safetensors'),
  ];
  for (const initWeights of files) {
    const fields = { ...tinyImageFields(images), channels: [16], runs: folder, name: 'continued' };
    const run = await train(resolveConfig({ ...fields, initWeights, iterations: 1, learningRate: 1e-30 }));
    const { checkpoint } = await readCheckpoint(run.folder.path);
    // The learning rate is too small to change any of them.
    expect(content(checkpoint.weights), initWeights).toEqual(await learnedWeights());
    expect(checkpoint.config.channels).toEqual([3, 4]);
  }
});

test('--init-weights works for points as well', async () => {
  const first = await train(tinyConfig({ runs: folder, name: 'points', iterations: 2 }));
  const initWeights = join(first.folder.checkpoints, 'checkpoint-00000002.safetensors');
  const again = await train(
    tinyConfig({ runs: folder, name: 'points', iterations: 1, seed: 9, initWeights, learningRate: 1e-30 }),
  );
  const weights = async (run: TrainResult) =>
    content((await readCheckpoint(run.folder.path)).checkpoint.weights);
  expect(await weights(again)).toEqual(await weights(first));
});
