/** Densities in the plane as a picture of three panels: the data, the learned p = exp(f) / Z, the short-run samples. */
import * as tf from '@tensorflow/tfjs-core';
import type { Energy } from '@srmcmc/core';
import { densityMap, svgToPng } from '@srmcmc/figures';

const PANEL = 200;
/** Standard deviation of the kernel that turns points into a density, in pixels. */
const BANDWIDTH = 2.5;

export interface Window {
  /** The square [centre − half, centre + half]². */
  readonly centre: readonly [number, number];
  readonly half: number;
}

/** The square that holds all points [n, 2], with a margin. */
export function windowOf(points: ArrayLike<number>): Window {
  const bounds = [0, 1].map((axis) => {
    let low = Infinity;
    let high = -Infinity;
    for (let i = axis; i < points.length; i += 2) {
      low = Math.min(low, points[i]!);
      high = Math.max(high, points[i]!);
    }
    return { middle: (low + high) / 2, reach: (high - low) / 2 };
  }) as [{ middle: number; reach: number }, { middle: number; reach: number }];
  return {
    centre: [bounds[0].middle, bounds[1].middle],
    half: 1.2 * Math.max(bounds[0].reach, bounds[1].reach) || 1,
  };
}

/**
 * The picture: each panel scaled to its own largest density. Borrows; returns the bytes of a PNG.
 *
 * @param data, samples - Points [n, 2], flat.
 */
export async function densityPng(
  energy: Energy,
  data: ArrayLike<number>,
  samples: ArrayLike<number>,
  window: Window,
): Promise<Uint8Array> {
  const { centre, half } = window;
  const map = await densityMap({
    title: '',
    panels: [
      { title: 'data', values: smoothed(data, window) },
      { title: 'learned exp(f(x)) / Z', values: await learnedDensity(energy, window) },
      { title: 'short-run samples', values: smoothed(samples, window) },
    ],
    size: [PANEL, PANEL],
    x: [centre[0] - half, centre[0] + half],
    y: [centre[1] - half, centre[1] + half],
  });
  return svgToPng(map);
}

/** exp(f) / Z at the pixels' centres. */
async function learnedDensity(energy: Energy, { centre, half }: Window): Promise<Float64Array> {
  const points = new Float32Array(PANEL * PANEL * 2);
  for (let y = 0; y < PANEL; y++) {
    for (let x = 0; x < PANEL; x++) {
      const at = 2 * (y * PANEL + x);
      points[at] = centre[0] + half * ((2 * (x + 0.5)) / PANEL - 1);
      points[at + 1] = centre[1] - half * ((2 * (y + 0.5)) / PANEL - 1);
    }
  }
  const value = tf.tidy(() => energy.negativeEnergy(tf.tensor2d(points, [PANEL * PANEL, 2])));
  const logDensity = (await value.data()) as Float32Array;
  value.dispose();
  const largest = logDensity.reduce((a, b) => Math.max(a, b), -Infinity);
  return normalised(
    Float64Array.from(logDensity, (f) => Math.exp(f - largest)),
    half,
  );
}

/** A Gaussian kernel density estimate of points [n, 2] on the pixels: counts, then one blur along each axis. */
function smoothed(points: ArrayLike<number>, { centre, half }: Window): Float64Array {
  const counts = new Float64Array(PANEL * PANEL);
  for (let i = 0; i + 1 < points.length; i += 2) {
    const x = Math.floor(((points[i]! - centre[0]) / half + 1) * 0.5 * PANEL);
    const y = Math.floor((1 - (points[i + 1]! - centre[1]) / half) * 0.5 * PANEL);
    if (x >= 0 && x < PANEL && y >= 0 && y < PANEL) counts[y * PANEL + x]!++;
  }
  return normalised(blur(blur(counts, 1), PANEL), half);
}

/** Such that the integral over the window is 1. */
function normalised(values: Float64Array, half: number): Float64Array {
  const pixel = ((2 * half) / PANEL) ** 2;
  const total = values.reduce((a, b) => a + b, 0) * pixel || 1;
  return values.map((value) => value / total);
}

function blur(values: Float64Array, stride: number): Float64Array {
  const reach = Math.ceil(3 * BANDWIDTH);
  const other = stride === 1 ? PANEL : 1;
  const out = new Float64Array(values.length);
  for (let line = 0; line < PANEL; line++) {
    for (let i = 0; i < PANEL; i++) {
      let sum = 0;
      for (let d = Math.max(-reach, -i); d <= Math.min(reach, PANEL - 1 - i); d++) {
        sum += Math.exp(-0.5 * (d / BANDWIDTH) ** 2) * values[line * other + (i + d) * stride]!;
      }
      out[line * other + i * stride] = sum;
    }
  }
  return out;
}
