/** Concentric rings: a ring chosen evenly, an angle chosen evenly, a radius r_k + s N(0, 1). */
import { InvalidArgumentError, normals, uniforms } from '@srmcmc/core';
import { logSumExp, requirePositive } from './mixture.ts';
import type { Toy } from './toy.ts';

export interface RingsOptions {
  readonly radii?: readonly number[];
  /** Standard deviation of the radius, the same for every ring. */
  readonly std?: number;
}

/**
 * Rings round the origin. In polar coordinates the density is that of |r| over 2π|r|, since a negative radius is
 * the opposite point: p(x) = Σ_k [N(|x|; r_k, s²) + N(-|x|; r_k, s²)] / (2π |x| · rings).
 */
export function rings({ radii = [1, 2, 3], std = 0.08 }: RingsOptions = {}): Toy {
  if (radii.length === 0) throw new InvalidArgumentError('radii', 'at least one ring is needed');
  radii.forEach((radius, k) => requirePositive(`radii.${k}`, radius));
  requirePositive('std', std);
  const logNormal = (r: number, mean: number) =>
    -((r - mean) ** 2) / (2 * std * std) - Math.log(std * Math.sqrt(2 * Math.PI));
  return {
    name: 'rings',
    shape: [2],
    sample(key, count) {
      const choices = uniforms(key, count, 2);
      const noise = normals(key, count, 1);
      const points = new Float32Array(2 * count);
      for (let i = 0; i < count; i++) {
        const radius = radii[Math.floor(choices[2 * i]! * radii.length)]! + std * noise[i]!;
        const angle = 2 * Math.PI * choices[2 * i + 1]!;
        points[2 * i] = radius * Math.cos(angle);
        points[2 * i + 1] = radius * Math.sin(angle);
      }
      return points;
    },
    logDensity(points) {
      const terms = new Float64Array(2 * radii.length);
      const out = new Float64Array(points.length / 2);
      for (let i = 0; i < out.length; i++) {
        const r = Math.sqrt(points[2 * i]! ** 2 + points[2 * i + 1]! ** 2);
        for (let k = 0; k < radii.length; k++) {
          terms[2 * k] = logNormal(r, radii[k]!);
          terms[2 * k + 1] = logNormal(-r, radii[k]!);
        }
        out[i] = logSumExp(terms) - Math.log(2 * Math.PI * r * radii.length);
      }
      return out;
    },
  };
}
