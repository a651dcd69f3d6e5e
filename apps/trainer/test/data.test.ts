/** Data and configurations in the forms in which people have them. */
import { readdir, writeFile } from 'node:fs/promises';
import { key, uniforms } from '@srmcmc/core';
import { beforeAll, expect, test } from 'vitest';
import { readConfigFile } from '../src/run-folder.ts';
import { commandIn } from './command-in.ts';
import { temporaryFolder, writeNpy } from './fixtures.ts';

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});

const { at, ofImages, run } = commandIn(() => folder);

const PICTURES = 'samples-00000000.png';

async function learn(name: string, shape: readonly number[]) {
  const size = shape.reduce((product, side) => product * side, 1);
  const bytes = Uint8Array.from(uniforms(key(1), 1, size), (u) => 256 * u);
  const data = await writeNpy(at(`${name}.npy`), shape, bytes);
  const { code, output, errors } = await run(ofImages(data, '--name', name, '--evaluate-every', 'none'));
  expect({ code, errors }).toEqual({ code: 0, errors: '' });
  return { output, samples: await readdir(at(`runs/${name}/samples`)) };
}

test('an array [n, height, width] is learned from as grey images, with their pictures', async () => {
  const { output, samples } = await learn('grey', [8, 8, 8]);
  expect(samples).toContain(PICTURES);
  expect(output).not.toContain('no pictures');
});

test('images of two channels are learned from without pictures of samples, which is said once', async () => {
  const { output, samples } = await learn('two', [8, 8, 8, 2]);
  expect(samples).toEqual([]);
  expect(output.split('\n').filter((line) => line.includes('no pictures'))).toEqual([
    'no pictures of samples: they are drawn of images of 1 or 3 channels and of points in the plane, and the data ' +
      'are of shape [8, 8, 2]',
  ]);
});

test('a configuration may begin with a byte order mark', async () => {
  await writeFile(at('marked.json'), '\uFEFF{ "steps": 3 }');
  expect(await readConfigFile(at('marked.json'))).toEqual({ steps: 3 });
});
