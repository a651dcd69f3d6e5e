import sharp from 'sharp';
import { fromFunction, normals, key } from '@srmcmc/core';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { expect, test } from 'vitest';
import { densityPng, windowOf } from '../src/density.ts';
import { gridPng } from '../src/grid.ts';

/** The colour at a pixel of a PNG. */
async function reader(png: Uint8Array) {
  const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { info, at: (x: number, y: number) => [...data.subarray((y * info.width + x) * 3).subarray(0, 3)] };
}

test('a grid shows every image in its tile, -1 black, 1 white, beyond clipped, colours in order', async () => {
  const side = 40;
  const pixel = (...colour: number[]): number[] => Array.from({ length: side * side }, () => colour).flat();
  const values = [...pixel(-1, -1, -1), ...pixel(1, -1, 0), ...pixel(-3, 5, -1), ...pixel(0, 0, 1)];
  const { info, at } = await reader(await gridPng(values, [4, side, side, 3]));
  const pitch = side + 2;
  expect([info.width, info.height]).toEqual([2 * pitch + 2, 2 * pitch + 2]);
  expect(at(2, 2)).toEqual([0, 0, 0]);
  expect(at(2 + pitch, 2)).toEqual([255, 0, 128]);
  expect(at(2, 2 + pitch)).toEqual([0, 255, 0]);
  expect(at(1 + side + pitch, 1 + side + pitch)).toEqual([128, 128, 255]);
  expect(at(0, 0)).toEqual([255, 255, 255]);
});

test('small grey images are drawn larger, each pixel a square', async () => {
  const values = Array.from({ length: 16 }, (_, i) => i / 7.5 - 1);
  const { info, at } = await reader(await gridPng(values, [1, 4, 4, 1]));
  expect(info.width).toBe(68);
  for (const [x, y, level] of [
    [2, 2, 0],
    [17, 17, 0],
    [18, 2, 17],
    [65, 65, 255],
  ] as const) {
    expect(at(x, y)).toEqual([level, level, level]);
  }
});

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
  const { info, at } = await reader(await densityPng(energy, corners, corners, window));
  expect(tf.memory().numTensors).toBe(before);
  expect([info.width, info.height]).toEqual([616, 200]);
  const brightest = (panel: number): [number, number] => {
    let best: [number, number] = [0, 0];
    let most = -1;
    for (let y = 0; y < 200; y++) {
      for (let x = 0; x < 200; x++) {
        const [red, green] = at(panel * 208 + x, y) as [number, number];
        if (red + green > most) [most, best] = [red + green, [x, y]];
      }
    }
    return best
      .map((pixel) => (2 * (pixel + 0.5)) / 200 - 1)
      .map((unit, axis) => unit * window.half * (axis ? -1 : 1)) as [number, number];
  };
  for (const panel of [0, 2]) {
    expect(Math.hypot(brightest(panel)[0] - 1, brightest(panel)[1] + 1)).toBeLessThan(0.25);
  }
  expect(Math.hypot(brightest(1)[0] + 1, brightest(1)[1] - 1)).toBeLessThan(0.03);
});
