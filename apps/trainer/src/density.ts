/** Densities in the plane as a picture of three panels: the data, the learned p = exp(f) / Z, the short-run samples. */
import * as tf from '@tensorflow/tfjs-core';
import type { Energy } from '@srmcmc/core';
import { png } from './grid.ts';

const PANEL = 200;
const GAP = 8;
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

/** The picture, each panel scaled to its own largest density. Borrows; returns the bytes of a PNG. */
export async function densityPng(
  energy: Energy,
  data: ArrayLike<number>,
  samples: ArrayLike<number>,
  window: Window,
): Promise<Uint8Array> {
  const panels = [smoothed(data, window), await learnedDensity(energy, window), smoothed(samples, window)];
  const width = panels.length * PANEL + (panels.length - 1) * GAP;
  const pixels = new Uint8Array(width * PANEL * 3).fill(255);
  panels.forEach((density, panel) => {
    const largest = density.reduce((a, b) => Math.max(a, b), 0) || 1;
    for (let y = 0; y < PANEL; y++) {
      for (let x = 0; x < PANEL; x++) {
        const target = (y * width + panel * (PANEL + GAP) + x) * 3;
        pixels.set(colour(density[y * PANEL + x]! / largest), target);
      }
    }
  });
  return png(pixels, width, PANEL);
}

/** exp(f − max f) at the pixels' centres. */
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
  return Float64Array.from(logDensity, (f) => Math.exp(f - largest));
}

/** A Gaussian kernel density estimate of points [n, 2] on the pixels: counts, then one blur along each axis. */
function smoothed(points: ArrayLike<number>, { centre, half }: Window): Float64Array {
  const counts = new Float64Array(PANEL * PANEL);
  for (let i = 0; i + 1 < points.length; i += 2) {
    const x = Math.floor(((points[i]! - centre[0]) / half + 1) * 0.5 * PANEL);
    const y = Math.floor((1 - (points[i + 1]! - centre[1]) / half) * 0.5 * PANEL);
    if (x >= 0 && x < PANEL && y >= 0 && y < PANEL) counts[y * PANEL + x]!++;
  }
  return blur(blur(counts, 1), PANEL);
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

/** Anchors of matplotlib's viridis, for fractions 0, 1/4, ..., 1. */
const VIRIDIS = [
  [68, 1, 84],
  [59, 82, 139],
  [33, 145, 140],
  [94, 201, 98],
  [253, 231, 37],
] as const;

function colour(fraction: number): [number, number, number] {
  const place = Math.min(Math.max(fraction, 0), 1) * (VIRIDIS.length - 1);
  const anchor = Math.min(Math.floor(place), VIRIDIS.length - 2);
  const weight = place - anchor;
  const mix = (c: 0 | 1 | 2): number =>
    Math.round((1 - weight) * VIRIDIS[anchor]![c] + weight * VIRIDIS[anchor + 1]![c]);
  return [mix(0), mix(1), mix(2)];
}
