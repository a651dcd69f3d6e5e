/** Two moons: half circles with Gaussian noise, whose density is an integral along them. */
import { normals, uniforms } from '@srmcmc/core';
import { logSumExp, requirePositive } from './mixture.ts';
import type { Toy } from './toy.ts';

export interface MoonsOptions {
  /** Standard deviation of the noise along each axis. */
  readonly noise?: number;
}

/**
 * Two interleaving half circles with Gaussian noise, placed as scikit-learn's `make_moons`: the upper one round
 * (0, 0), the lower round (1, 0.5), both of radius 1. p(x) = 1/(2π) Σ ∫₀^π N(x; c ± e^(it), s² I) dt, by Gauss–Legendre
 * quadrature: nine digits where the density is above 1e-9, six far outside.
 */
export function moons({ noise = 0.1 }: MoonsOptions = {}): Toy {
  requirePositive('noise', noise);
  const { angles, logWeights } = quadrature(0, Math.PI, Math.ceil((PANELS_PER_STD * Math.PI) / noise));
  const [xs, ys] = [Math.cos, Math.sin].map((of) => Float64Array.from(angles, of)) as [
    Float64Array,
    Float64Array,
  ];
  const logScale = -Math.log((2 * Math.PI * noise) ** 2);
  return {
    name: 'moons',
    shape: [2],
    sample(key, count) {
      const choices = uniforms(key, count, 2);
      const points = normals(key, count, 2);
      for (let i = 0; i < count; i++) {
        const isUpper = choices[2 * i]! < 0.5;
        const angle = Math.PI * choices[2 * i + 1]!;
        const x = isUpper ? Math.cos(angle) : 1 - Math.cos(angle);
        const y = isUpper ? Math.sin(angle) : 0.5 - Math.sin(angle);
        points[2 * i] = x + noise * points[2 * i]!;
        points[2 * i + 1] = y + noise * points[2 * i + 1]!;
      }
      return points;
    },
    logDensity(points) {
      const terms = new Float64Array(2 * angles.length);
      return Float64Array.from({ length: points.length / 2 }, (_, i) => {
        const [px, py] = [points[2 * i]!, points[2 * i + 1]!];
        for (let j = 0; j < angles.length; j++) {
          const upper = (px - xs[j]!) ** 2 + (py - ys[j]!) ** 2;
          const lower = (px - 1 + xs[j]!) ** 2 + (py - 0.5 + ys[j]!) ** 2;
          terms[2 * j] = logWeights[j]! + logScale - upper / (2 * noise * noise);
          terms[2 * j + 1] = logWeights[j]! + logScale - lower / (2 * noise * noise);
        }
        return logSumExp(terms);
      });
    },
  };
}

/** Panels as long as half a standard deviation of the noise: five points in each give nine digits. */
const PANELS_PER_STD = 2;

/** Five-point Gauss–Legendre in each of `panels` equal panels (Abramowitz and Stegun 1964, 25.4.30). */
function quadrature(low: number, high: number, panels: number): { angles: number[]; logWeights: number[] } {
  const [near, far] = [-1, 1].map((sign) => Math.sqrt(5 + sign * 2 * Math.sqrt(10 / 7)) / 3) as [
    number,
    number,
  ];
  const [heavy, light] = [1, -1].map((sign) => (322 + sign * 13 * Math.sqrt(70)) / 900) as [number, number];
  const rule = [
    [-far, light],
    [-near, heavy],
    [0, 128 / 225],
    [near, heavy],
    [far, light],
  ] as const;
  const half = (high - low) / (2 * panels);
  const nodes = Array.from({ length: panels }, (_, panel) =>
    rule.map(([place, weight]) => ({ at: low + half * (2 * panel + 1 + place), weight: half * weight })),
  ).flat();
  return { angles: nodes.map(({ at }) => at), logWeights: nodes.map(({ weight }) => Math.log(weight)) };
}
