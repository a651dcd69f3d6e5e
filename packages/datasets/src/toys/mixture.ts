/** Mixtures of Gaussians on the line and in the plane: log p(x) = logsumexp_k [log w_k + log N(x; m_k, s_k² I)]. */
import { InvalidArgumentError, type Key, normals, requireInteger, uniforms } from '@srmcmc/core';
import type { Toy } from './toy.ts';

export interface MixtureComponent<Mean = number> {
  readonly mean: Mean;
  /** Standard deviation, along every axis. */
  readonly std: number;
  /** Relative to the other components; default 1. */
  readonly weight?: number;
}

/** A mixture on the line. Default: three modes of different width and weight on [-3, 3]. */
export function mixture1d(components: readonly MixtureComponent[] = THREE_MODES): Toy {
  return mixture(
    'mixture1d',
    1,
    components.map((component) => ({ ...component, mean: [component.mean] })),
  );
}

/** A mixture in the plane. Default: four modes of different width and weight within [-3, 3]². */
export function mixture2d(
  components: readonly MixtureComponent<readonly [number, number]>[] = FOUR_MODES,
): Toy {
  return mixture('mixture2d', 2, components);
}

export interface GaussianRingOptions {
  readonly modes?: number;
  /** Distance of the modes from the origin. */
  readonly radius?: number;
  readonly std?: number;
}

/** Equal Gaussians evenly spaced on a circle, the first on the positive x axis. */
export function gaussianRing({ modes = 8, radius = 2, std = 0.15 }: GaussianRingOptions = {}): Toy {
  requireInteger('modes', modes, 1);
  const components = Array.from({ length: modes }, (_, i) => {
    const angle = (2 * Math.PI * i) / modes;
    return { mean: [radius * Math.cos(angle), radius * Math.sin(angle)], std };
  });
  return mixture('gaussian-ring', 2, components);
}

const THREE_MODES: readonly MixtureComponent[] = [
  { mean: -2, std: 0.3, weight: 0.3 },
  { mean: 0, std: 0.5, weight: 0.5 },
  { mean: 2, std: 0.2, weight: 0.2 },
];

const FOUR_MODES: readonly MixtureComponent<readonly [number, number]>[] = [
  { mean: [-1.5, -1.5], std: 0.5, weight: 0.3 },
  { mean: [1.5, -1.5], std: 0.3, weight: 0.2 },
  { mean: [-1.5, 1.5], std: 0.3, weight: 0.2 },
  { mean: [1.5, 1.5], std: 0.4, weight: 0.3 },
];

function mixture(
  name: string,
  dimension: number,
  components: readonly MixtureComponent<readonly number[]>[],
): Toy {
  const weights = normalisedWeights(components);
  const logScales = components.map(
    ({ std }, k) => Math.log(weights[k]!) - dimension * Math.log(std * Math.sqrt(2 * Math.PI)),
  );
  return {
    name,
    shape: [dimension],
    sample(key: Key, count: number): Float32Array {
      const choices = uniforms(key, count, 1);
      const points = normals(key, count, dimension);
      for (let i = 0; i < count; i++) {
        const { mean, std } = components[choose(weights, choices[i]!)]!;
        for (let axis = 0; axis < dimension; axis++) {
          const at = i * dimension + axis;
          points[at] = mean[axis]! + std * points[at]!;
        }
      }
      return points;
    },
    logDensity(points: ArrayLike<number>): Float64Array {
      const terms = new Float64Array(components.length);
      const out = new Float64Array(points.length / dimension);
      for (let i = 0; i < out.length; i++) {
        for (let k = 0; k < terms.length; k++) {
          const { mean, std } = components[k]!;
          let squared = 0;
          for (let axis = 0; axis < dimension; axis++) {
            squared += (points[i * dimension + axis]! - mean[axis]!) ** 2;
          }
          terms[k] = logScales[k]! - squared / (2 * std * std);
        }
        out[i] = logSumExp(terms);
      }
      return out;
    },
  };
}

function normalisedWeights(components: readonly MixtureComponent<readonly number[]>[]): number[] {
  if (components.length === 0) throw new InvalidArgumentError('components', 'a mixture needs at least one');
  components.forEach(({ mean, std, weight = 1 }, k) => {
    if (!mean.every(Number.isFinite))
      throw new InvalidArgumentError(`components.${k}.mean`, `got ${mean.join(', ')}`);
    requirePositive(`components.${k}.std`, std);
    requirePositive(`components.${k}.weight`, weight);
  });
  const total = components.reduce((sum, { weight = 1 }) => sum + weight, 0);
  return components.map(({ weight = 1 }) => weight / total);
}

/** Throws InvalidArgumentError unless `value` is a finite number above 0. */
export function requirePositive(field: string, value: number): void {
  if (!(Number.isFinite(value) && value > 0))
    throw new InvalidArgumentError(field, `must be above 0, got ${value}`);
}

/** The index whose share of [0, 1) contains u. */
function choose(weights: readonly number[], u: number): number {
  let below = 0;
  for (let k = 0; k < weights.length - 1; k++) {
    below += weights[k]!;
    if (u < below) return k;
  }
  return weights.length - 1;
}

/** log Σ exp(term), without overflow. */
export function logSumExp(terms: Float64Array): number {
  let largest = -Infinity;
  for (const term of terms) if (term > largest) largest = term;
  if (largest === -Infinity) return -Infinity;
  let sum = 0;
  for (const term of terms) sum += Math.exp(term - largest);
  return largest + Math.log(sum);
}
