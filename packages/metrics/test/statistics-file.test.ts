import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readFile as readSafetensors, writeFileAtomic } from '@srmcmc/safetensors/node';
import {
  featureSet,
  frechetDistance,
  loadStatistics,
  readNpz,
  saveStatistics,
  statisticsOf,
} from '../src/index.ts';
import { writeNpy, writeZip } from '../src/statistics/npz.ts';
import { arrays, goldenPath, statistics } from './goldens.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'statistics-'));
});
afterAll(() => rm(folder, { recursive: true }));

const source = {
  name: 'inception-v3-2015-12-05/2048',
  ...{ weights: 'ab12', resize: 'pytorch-fid', precision: 'float32' },
};
const set = featureSet(Float32Array.from(arrays('features.npz')('a').values), 24, source);

test("statistics written by numpy, stored or deflated, give pytorch-fid's distance", async () => {
  const [a, b] = [
    await loadStatistics(goldenPath('pytorch-fid.npz'), { count: 75 }),
    await loadStatistics(goldenPath('pytorch-fid-compressed.npz'), { count: 64, source: { name: 'given' } }),
  ];
  expect(a).toMatchObject({ count: 75, dimension: 24, source: { name: 'unnamed', weights: null } });
  expect(b.source.name).toBe('given');
  const { value } = await frechetDistance({ ...a, source: b.source }, b);
  expect(value).toBeCloseTo(statistics.features.frechet, 9);
  expect((await loadStatistics(goldenPath('pytorch-fid.npz'))).count).toBe(Infinity);
});

for (const ending of ['npz', 'safetensors']) {
  test(`.${ending}: what is read is what was written, to the bit, with what it was computed with`, async () => {
    const written = statisticsOf(set);
    const path = join(folder, `reference.${ending}`);
    await saveStatistics(path, written);
    expect(await loadStatistics(path, { count: 1, source: { name: 'not this' } })).toEqual(written);
    await saveStatistics(path, written);
    expect(await readdir(folder)).toContain(`reference.${ending}`);
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
}

test('the archive that is written is the one whose members numpy wrote', async () => {
  // The same arrays: bytes of mu.npy and sigma.npy are the same as numpy's, header and all.
  const golden = await readFile(goldenPath('pytorch-fid.npz'));
  const { mean, covariance } = await loadStatistics(goldenPath('pytorch-fid.npz'));
  expect(golden.includes(writeNpy({ shape: [24], values: mean }))).toBe(true);
  expect(golden.includes(writeNpy({ shape: [24, 24], values: covariance }))).toBe(true);
});

test('files that are cut short, altered, or hold something else are refused, and the path is named', async () => {
  const whole = await readFile(goldenPath('pytorch-fid.npz'));
  const write = async (name: string, bytes: Uint8Array): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, bytes);
    return path;
  };
  const altered = Buffer.from(whole);
  altered[1000]! ^= 1;
  const values = new Float64Array(3);
  const zip = (...entries: [string, Buffer][]) => writeZip(new Map(entries));
  const mu = writeNpy({ shape: [3], values });
  const wrong = writeNpy({ shape: [1, 3], values });
  const finite = writeNpy({ shape: [2], values: Float64Array.of(1, 2) });
  const nan = writeNpy({ shape: [2], values: Float64Array.of(1, NaN) });
  const infinite = writeNpy({ shape: [2, 2], values: Float64Array.of(1, 0, -Infinity, NaN) });
  for (const [name, bytes, problem] of [
    ['cut.npz', whole.subarray(0, 900), 'it is no zip archive, or is cut short'],
    ['empty.npz', Buffer.alloc(0), 'it is no zip archive'],
    ['altered.npz', altered, 'its checksum is wrong'],
    ['no-sigma.npz', zip(['mu.npy', mu]), "it has no 'sigma'"],
    ['wrong.npz', zip(['mu.npy', mu], ['sigma.npy', wrong]), 'mu has shape [3] and sigma [1, 3]'],
    ['text.npz', zip(['mu.npy', Buffer.from('hello, world')]), 'it is no .npy file'],
    ['nan-in-mu.npz', zip(['mu.npy', nan], ['sigma.npy', infinite]), 'mu[1] is NaN'],
    ['infinite.npz', zip(['mu.npy', finite], ['sigma.npy', infinite]), 'sigma[1, 0] is -Infinity'],
    ['cut.safetensors', Buffer.from('abc'), 'cut.safetensors'],
  ] as const) {
    const path = await write(name, bytes);
    const promise = loadStatistics(path);
    await expect(promise).rejects.toMatchObject({ code: 'CORRUPT_STATISTICS' });
    await expect(promise).rejects.toThrow(problem);
    await expect(promise).rejects.toThrow(path);
  }
  for (const name of ['missing.npz', 'missing.safetensors']) {
    const promise = loadStatistics(join(folder, name));
    await expect(promise).rejects.toMatchObject({ code: 'MISSING_DATA' });
    await expect(promise).rejects.toThrow(`${join(folder, name)} cannot be read: ENOENT`);
  }
  await expect(loadStatistics('statistics.txt')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});

test('arrays of an .npz file are read by their names, and what is wrong with a file is said', async () => {
  const arrays = await readNpz(goldenPath('pytorch-fid-compressed.npz'));
  expect([...arrays].map(([name, { shape }]) => `${name} ${shape.join('×')}`)).toEqual([
    'mu 24',
    'sigma 24×24',
  ]);
  const whole = await readFile(goldenPath('pytorch-fid.npz'));
  const damaged = Buffer.from(whole);
  damaged[300]! ^= 1;
  for (const [name, bytes, problem] of [
    ['cut.npz', whole.subarray(0, 2000), 'it is no zip archive, or is cut short'],
    ['damaged.npz', damaged, 'mu.npy in it is damaged: its checksum is wrong'],
  ] as const) {
    const path = join(folder, name);
    await writeFile(path, bytes);
    await expect(readNpz(path)).rejects.toMatchObject({
      code: 'CORRUPT_DATA',
      message: `${path}: ${problem}`,
    });
  }
  await expect(readNpz(join(folder, 'none.npz'))).rejects.toMatchObject({ code: 'MISSING_DATA' });
});

test('safetensors files of others, in single precision and without metadata, are read', async () => {
  const path = join(folder, 'single.safetensors');
  await saveStatistics(path, statisticsOf(set));
  const { tensors } = await readSafetensors(path);
  await writeFileAtomic(path, { tensors });
  const { count, source: read } = await loadStatistics(path, { source: { name: 'told' } });
  expect([count, read.name]).toEqual([Infinity, 'told']);
});
