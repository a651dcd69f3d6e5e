import sharp from 'sharp';
import { fromFunction, normals, key } from '@srmcmc/core';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { expect, test } from 'vitest';
import { densityPng, windowOf } from '../src/density.ts';

/** What reads a panel of the picture, 520 pixels wide: the brightest place, as fractions of its side. */
async function brightestIn(png: Uint8Array): Promise<(panel: number) => [number, number]> {
  const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return (panel) => {
    let [best, most]: [[number, number], number] = [[0, 0], -1];
    for (let y = 3; y < 517; y++) {
      for (let x = 3; x < 517; x++) {
        const at = 3 * ((y + 124) * info.width + panel * 896 + 156 + x);
        const brightness = data[at]! + data[at + 1]!;
        if (brightness > most) [best, most] = [[x / 520, y / 520], brightness];
      }
    }
    return best;
  };
}

test('a density picture puts its maxima where the points and the energy have theirs', async () => {
  const cluster = normals(key(1), 400, 2).map((value, i) => 0.2 * value + (i % 2 === 0 ? 1 : -1));
  const corners = Float32Array.from([-2, -2, 2, 2, ...cluster]);
  const window = windowOf(corners);
  expect(window.centre).toEqual([0, 0]);
  // f has its maximum at (-1, 1), the points theirs at (1, -1).
  const energy = fromFunction(
    (x) => tf.mul(tf.sum(tf.square(tf.sub(x, tf.tensor1d([-1, 1]))), 1), -8) as tf.Tensor1D,
    [2],
  );
  const before = tf.memory().numTensors;
  const brightest = await brightestIn(await densityPng(energy, corners, corners, window));
  expect(tf.memory().numTensors).toBe(before);
  const placeOf = (panel: number): [number, number] => {
    const [right, down] = brightest(panel);
    return [(2 * right - 1) * window.half, (1 - 2 * down) * window.half];
  };
  for (const panel of [0, 2]) {
    expect(Math.hypot(placeOf(panel)[0] - 1, placeOf(panel)[1] + 1)).toBeLessThan(0.25);
  }
  expect(Math.hypot(placeOf(1)[0] + 1, placeOf(1)[1] - 1)).toBeLessThan(0.05);
});
