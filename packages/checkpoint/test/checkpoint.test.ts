import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import '@tensorflow/tfjs-backend-cpu';
import {
  CorruptCheckpointError,
  key,
  MissingWeightsError,
  shortRun,
  StorageError,
  uniform,
} from '@srmcmc/core';
import { convEnergy, loadStateDict, mlpEnergy, toStateDict } from '@srmcmc/energy';
import { langevin } from '@srmcmc/langevin';
import { fromFloat32, parse, serialize } from '@srmcmc/safetensors';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Checkpoint,
  checkpointName,
  CheckpointVersionError,
  latestCheckpoint,
  listCheckpoints,
  readCheckpoint,
  storing,
  writeCheckpoint,
} from '../src/index.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'checkpoint-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Numbers that a careless writer would change: signed zero, subnormals, infinities, and a NaN with a payload. */
function awkwardFloats(): Float32Array {
  const data = new Float32Array([0, -0, 1e-45, -1.1754942e-38, 3.4028235e38, Infinity, -Infinity, 0]);
  new Uint32Array(data.buffer)[7] = 0x7fc12345;
  return data;
}

async function example(iteration = 1000): Promise<Checkpoint> {
  const energy = convEnergy({ imageShape: [8, 8, 3], channels: [4, 6], key: key(1) });
  const weights = await toStateDict(energy);
  energy.dispose();
  return {
    iteration,
    network: energy.network,
    sampler: {
      kernel: 'langevin',
      drift: 1,
      noise: 0.01,
      steps: 100,
      initial: { name: 'uniform', low: -1, high: 1 },
    },
    weights,
    optimizer: {
      step: iteration,
      moments: new Map([['f.0.weight.first', { shape: [2, 4], data: awkwardFloats() }]]),
    },
    chains: new Map([['buffer', { shape: [1, 3], data: new Float32Array([1, 2, 3]) }]]),
    key: { words: [4294967295, 7], firstChain: 0 },
    config: { name: 'Bäume ✓ "quoted"', learningRate: 1e-4, channels: [4, 6] },
    progress: { learningRateScale: 0.5 },
    software: { node: 'v20.0.0' },
  };
}

const pathOf = (iteration: number): string => join(folder, checkpointName(iteration));

/** The file with its tensors or metadata changed, written as any safetensors program would write it. */
async function rewrite(
  path: string,
  change: (content: {
    tensors: Map<string, ReturnType<typeof fromFloat32>>;
    metadata: Record<string, string>;
  }) => void,
): Promise<void> {
  const { tensors, metadata } = parse(await readFile(path));
  const content = { tensors: new Map(tensors) as never, metadata: { ...metadata } };
  change(content);
  await writeFile(path, serialize(content));
}

describe('a checkpoint read back', () => {
  test('is what was written, bit for bit, NaN payloads and signed zeros included', async () => {
    const written = await example();
    await writeCheckpoint(pathOf(1000), written);
    const { checkpoint, damaged } = await readCheckpoint(pathOf(1000));
    expect(damaged).toEqual([]);
    expect(checkpoint).toEqual(written);
    const bits = (tensors: Checkpoint['chains']): Record<string, number[]> =>
      Object.fromEntries(
        [...tensors].map(([name, { data }]) => [name, [...new Uint32Array(data.slice().buffer)]]),
      );
    expect(bits(checkpoint.optimizer.moments)).toEqual(bits(written.optimizer.moments));
    expect(bits(checkpoint.weights)).toEqual(bits(written.weights));
  });

  test('is the same file byte for byte when written again', async () => {
    await writeCheckpoint(pathOf(1), await example());
    await writeCheckpoint(pathOf(2), (await readCheckpoint(pathOf(1))).checkpoint);
    expect(await readFile(pathOf(2))).toEqual(await readFile(pathOf(1)));
  });

  test('gives the network its weights back exactly, convolutions and dense layers alike', async () => {
    const nets = [
      (seed: number) => convEnergy({ imageShape: [8, 8, 3], channels: [4, 6], key: key(seed) }),
      (seed: number) => mlpEnergy({ dimension: 2, hidden: [5, 7], key: key(seed) }),
    ];
    for (const make of nets) {
      const saved = make(1);
      const restored = make(2);
      const weights = await toStateDict(saved);
      await writeCheckpoint(pathOf(1), { ...(await example()), network: saved.network, weights });
      loadStateDict(restored, (await readCheckpoint(pathOf(1))).checkpoint.weights);
      for (const [name, variable] of Object.entries(saved.variables)) {
        expect(restored.variables[name]!.dataSync()).toEqual(variable.dataSync());
      }
      saved.dispose();
      restored.dispose();
    }
  });
});

test('a short run of a network that was read back makes the very samples of the one that was saved', async () => {
  const saved = convEnergy({ imageShape: [8, 8, 3], channels: [4, 6], key: key(1) });
  await writeCheckpoint(pathOf(1), await example());
  const { network, sampler, weights } = (await readCheckpoint(pathOf(1))).checkpoint;
  expect(network).toEqual(saved.network);
  const restored = convEnergy({ imageShape: [8, 8, 3], channels: [4, 6], key: key(2) });
  loadStateDict(restored, weights);
  const samples = [saved, restored].map((energy) => {
    const kernel = langevin({ drift: sampler.drift, noise: sampler.noise });
    const generator = shortRun({ energy, kernel, steps: 5, initial: uniform(energy.eventShape) });
    return generator.generate(generator.prior(key(3), 2), key(4)).dataSync();
  });
  expect(samples[1]).toEqual(samples[0]);
});

describe('the file of a checkpoint', () => {
  test('holds the weights under their own names in PyTorch order: [out, in, height, width]', async () => {
    const energy = convEnergy({ imageShape: [8, 8, 3], channels: [4, 6], key: key(1) });
    await writeCheckpoint(pathOf(1), await example());
    const { tensors } = parse(await readFile(pathOf(1)));
    const stored = tensors.get('f.2.weight')!;
    expect(stored.shape).toEqual([6, 4, 4, 4]);
    const view = new DataView(stored.data.buffer, stored.data.byteOffset);
    const variable = energy.variables['f.2.weight']!.arraySync() as number[][][][];
    for (const [o, i, h, w] of [
      [0, 0, 0, 0],
      [5, 3, 2, 1],
      [2, 1, 3, 0],
      [4, 0, 0, 3],
    ] as const) {
      const offset = 4 * (((o * 4 + i) * 4 + h) * 4 + w);
      expect(view.getFloat32(offset, true)).toBe(variable[h]![w]![i]![o]!);
    }
    energy.dispose();
  });

  test('replaces an older one of its name as a whole and leaves no temporary file', async () => {
    await writeCheckpoint(pathOf(1), await example(5));
    await writeCheckpoint(pathOf(1), await example(6));
    expect((await readCheckpoint(pathOf(1))).checkpoint.iteration).toBe(6);
    expect(await readdir(folder)).toEqual([checkpointName(1)]);
  });
});

describe('a damaged checkpoint', () => {
  test('is noticed wherever one byte of it is changed, and wherever it is cut', async () => {
    await writeCheckpoint(pathOf(1), await example());
    const good = await readFile(pathOf(1));
    // 200 places spread over the file, header and tensors alike; spaces that pad the header mean nothing.
    const padding = good.indexOf('}}   ', 0, 'latin1');
    for (let i = 0; i < 200; i++) {
      const at = Math.floor((i * good.length) / 200);
      if (good[at] === 0x20 && padding !== -1 && at > padding) continue;
      const bad = Buffer.from(good);
      bad[at]! ^= 0x01;
      await writeFile(pathOf(1), bad);
      await expect(readCheckpoint(pathOf(1)), `byte ${at}`).rejects.toThrow(
        expect.objectContaining({ code: expect.stringMatching(/CORRUPT_CHECKPOINT|CHECKPOINT_VERSION/) }),
      );
    }
    for (const length of [0, 7, 100, good.length - 1]) {
      await writeFile(pathOf(1), good.subarray(0, length));
      await expect(readCheckpoint(pathOf(1))).rejects.toThrow(CorruptCheckpointError);
    }
  });

  test('is passed over in a folder for the one before it, and named', async () => {
    for (const iteration of [9, 10, 100]) await writeCheckpoint(pathOf(iteration), await example(iteration));
    await rewrite(pathOf(100), ({ tensors }) => {
      tensors.set('f.0.bias', fromFloat32(new Float32Array(4), [4]));
    });
    const { checkpoint, path, damaged } = await readCheckpoint(folder);
    expect(checkpoint.iteration).toBe(10);
    expect(path).toBe(pathOf(10));
    expect(damaged.map((entry) => entry.path)).toEqual([pathOf(100)]);
    expect(damaged[0]!.error).toBeInstanceOf(CorruptCheckpointError);
    expect(damaged[0]!.error.message).toMatch(/SHA-256/);
  });

  test('is an error where no good one is left', async () => {
    await writeFile(pathOf(1), 'nothing of the kind');
    await expect(readCheckpoint(folder)).rejects.toThrow(/every checkpoint in .* is damaged/);
  });
});

describe('what is no checkpoint', () => {
  test('a safetensors file of another program is refused as foreign', async () => {
    await writeFile(pathOf(1), serialize({ tensors: [['w', fromFloat32(new Float32Array(2), [2])]] }));
    await expect(readCheckpoint(pathOf(1))).rejects.toThrow(/not a checkpoint of a run/);
  });

  test('a missing file and an empty folder say that nothing is there', async () => {
    await expect(readCheckpoint(pathOf(1))).rejects.toThrow(MissingWeightsError);
    await expect(readCheckpoint(folder)).rejects.toThrow(MissingWeightsError);
    expect(await latestCheckpoint(folder)).toBeUndefined();
  });

  test('a checkpoint of a newer version asks for an update, also in a folder with older good ones', async () => {
    await writeCheckpoint(pathOf(1), await example());
    await writeCheckpoint(pathOf(2), await example());
    await rewrite(pathOf(2), ({ metadata }) => {
      metadata.version = '2';
    });
    await expect(readCheckpoint(folder)).rejects.toThrow(CheckpointVersionError);
    await expect(readCheckpoint(folder)).rejects.toThrow(/version 2, this program reads version 1: update/);
  });
});

test('checkpoints are listed by iteration, in a folder or in its folder checkpoints', async () => {
  await mkdir(join(folder, 'checkpoints'));
  for (const iteration of [900, 1000, 123456789]) {
    await writeCheckpoint(join(folder, 'checkpoints', checkpointName(iteration)), await example(iteration));
  }
  await writeFile(join(folder, 'checkpoints', 'notes.txt'), '');
  const iterations = [900, 1000, 123456789];
  expect((await listCheckpoints(folder)).map((entry) => entry.iteration)).toEqual(iterations);
  expect((await listCheckpoints(join(folder, 'checkpoints'))).map((entry) => entry.iteration)).toEqual(
    iterations,
  );
  expect(await latestCheckpoint(folder)).toBe(join(folder, 'checkpoints', checkpointName(123456789)));
});

test('a path that cannot be written gives a StorageError that names it', async () => {
  await writeFile(join(folder, 'file'), '');
  const path = join(folder, 'file', checkpointName(1));
  await expect(writeCheckpoint(path, await example())).rejects.toThrow(StorageError);
  await expect(writeCheckpoint(path, await example())).rejects.toThrow(/a part of the path is a file/);
});

test.runIf(process.platform === 'linux')('a full disk gives a StorageError that says so', async () => {
  const write = storing('/dev/full', () => writeFile('/dev/full', 'a byte'));
  await expect(write).rejects.toThrow('cannot write /dev/full: the disk is full: free some space');
  await expect(write).rejects.toBeInstanceOf(StorageError);
});

test('what is no error of the file system passes through storing as it is', async () => {
  const error = new RangeError('something else');
  await expect(storing('file', () => Promise.reject(error))).rejects.toBe(error);
});

test.each([-1, 1.5, NaN, '7' as never])('an iteration of %s has no name', (iteration) => {
  expect(() => checkpointName(iteration)).toThrow(/^iteration: must be an integer of at least 0, got /);
});
