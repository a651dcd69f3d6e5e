/** The pinwheel: stretched Gaussians that are twisted, whose density sums over what the twist brings to a point. */
import { normals, requireInteger, uniforms } from '@srmcmc/core';
import { logSumExp, requirePositive } from './mixture.ts';
import type { Toy } from './toy.ts';

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
  const twist = { arms, rate, farthest: 1 + FARTHEST * radialStd };
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
    logDensity(points) {
      const logNormal = (a: number, b: number): number =>
        -0.5 * (((a - 1) / radialStd) ** 2 + (b / tangentialStd) ** 2) -
        Math.log(2 * Math.PI * radialStd * tangentialStd);
      return Float64Array.from({ length: points.length / 2 }, (_, i) => {
        const [x, y] = [points[2 * i]! / PINWHEEL_SCALE, points[2 * i + 1]! / PINWHEEL_SCALE];
        const radius = Math.hypot(x, y);
        const terms = untwisted(radius, Math.atan2(y, x), twist).map((psi) => {
          const [a, b] = [radius * Math.cos(psi), radius * Math.sin(psi)];
          return (
            logNormal(a, b) - Math.log(arms * PINWHEEL_SCALE ** 2 * Math.abs(1 - rate * b * Math.exp(a)))
          );
        });
        return logSumExp(Float64Array.from(terms));
      });
    },
  };
}

const PINWHEEL_SCALE = 2;
/** Standard deviations along an arm, beyond which the density is below 1e-300 of its largest and is left out. */
const FARTHEST = 40;
const MOST_ITERATIONS = 100;
const SMALLEST_MOVE = 1e-15;

interface Twist {
  readonly arms: number;
  readonly rate: number;
  /** Nothing is looked for at r cos ψ beyond it. */
  readonly farthest: number;
}

/**
 * Every angle ψ that the twist of an arm turns to φ at radius r, ψ + rate · e^(r cos ψ) + 2π k / arms = φ: where a
 * multiple of the left side runs through a whole number.
 */
function untwisted(radius: number, phi: number, { arms, rate, farthest }: Twist): number[] {
  const scale = arms / (2 * Math.PI);
  const turns = (psi: number): number => (psi + rate * Math.exp(radius * Math.cos(psi)) - phi) * scale;
  const slope = (psi: number): number =>
    (1 - rate * radius * Math.sin(psi) * Math.exp(radius * Math.cos(psi))) * scale;
  const ends = [-Math.PI, ...turningPoints(radius, slope), Math.PI];
  const cut = radius > farthest ? Math.acos(farthest / radius) : 0;
  const stretches = ends
    .slice(1)
    .flatMap((to, i) => [[ends[i]!, Math.min(to, -cut)] as const, [Math.max(ends[i]!, cut), to] as const]);
  return stretches.flatMap(([from, to]) => {
    if (from >= to) return [];
    const [first, last] = [turns(from), turns(to)];
    const sign = first < last ? 1 : -1;
    const found: number[] = [];
    for (let whole = Math.floor(Math.min(first, last)) + 1; whole <= Math.max(first, last); whole++) {
      found.push(
        rootBetween(
          (psi) => sign * (turns(psi) - whole),
          (psi) => sign * slope(psi),
          [from, to],
        ),
      );
    }
    return found;
  });
}

/**
 * Where the twist turns back: sin ψ e^(r cos ψ) is largest at r cos² ψ + cos ψ = r, and where the slope is not yet
 * negative there, it is nowhere.
 */
function turningPoints(radius: number, slope: (psi: number) => number): number[] {
  if (radius === 0) return [];
  const steepest = Math.acos((Math.sqrt(1 + 4 * radius ** 2) - 1) / (2 * radius));
  if (slope(steepest) >= 0) return [];
  return [bisect((psi) => -slope(psi), 0, steepest), bisect(slope, steepest, Math.PI)];
}

/** The root of a function that rises from below 0: Newton's step where it stays between the bounds, else their middle. */
function rootBetween(
  f: (at: number) => number,
  slope: (at: number) => number,
  [low, high]: readonly [number, number],
): number {
  let [below, above, at] = [low, high, (low + high) / 2];
  for (let i = 0; i < MOST_ITERATIONS; i++) {
    const value = f(at);
    if (value < 0) below = at;
    else above = at;
    const newton = at - value / slope(at);
    const next = newton > below && newton < above ? newton : (below + above) / 2;
    if (Math.abs(next - at) <= SMALLEST_MOVE) return next;
    at = next;
  }
  return at;
}

/** Where a function that is negative at `low` and not at `high` changes its sign. */
function bisect(f: (at: number) => number, low: number, high: number): number {
  return rootBetween(f, () => 0, [low, high]);
}
