/** Two moons and the pinwheel: noisy curves whose densities have no closed form. */
import { normals, requireInteger, uniforms } from '@srmcmc/core';
import { requirePositive } from './mixture.ts';
import type { Toy } from './toy.ts';

export interface MoonsOptions {
  /** Standard deviation of the noise along each axis. */
  readonly noise?: number;
}

/**
 * Two interleaving half circles with Gaussian noise, placed as scikit-learn's `make_moons`: the upper one round
 * (0, 0), the lower round (1, 0.5), both of radius 1.
 */
export function moons({ noise = 0.1 }: MoonsOptions = {}): Toy {
  requirePositive('noise', noise);
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
  };
}

export interface PinwheelOptions {
  readonly arms?: number;
  readonly radialStd?: number;
  readonly tangentialStd?: number;
  /** Radians that an arm turns, times e^(radial coordinate). */
  readonly rate?: number;
}

/** Gaussian arms, stretched and twisted (Johnson et al. 2016, "Composing graphical models with neural networks"), twice as large. */
export function pinwheel(options: PinwheelOptions = {}): Toy {
  const { arms = 5, radialStd = 0.3, tangentialStd = 0.1, rate = 0.25 } = options;
  requireInteger('arms', arms, 1);
  requirePositive('radialStd', radialStd);
  requirePositive('tangentialStd', tangentialStd);
  return {
    name: 'pinwheel',
    shape: [2],
    sample(key, count) {
      const choices = uniforms(key, count, 1);
      const points = normals(key, count, 2);
      for (let i = 0; i < count; i++) {
        const along = 1 + radialStd * points[2 * i]!;
        const across = tangentialStd * points[2 * i + 1]!;
        const arm = Math.floor(choices[i]! * arms);
        const angle = (2 * Math.PI * arm) / arms + rate * Math.exp(along);
        points[2 * i] = PINWHEEL_SCALE * (along * Math.cos(angle) - across * Math.sin(angle));
        points[2 * i + 1] = PINWHEEL_SCALE * (along * Math.sin(angle) + across * Math.cos(angle));
      }
      return points;
    },
  };
}

const PINWHEEL_SCALE = 2;
