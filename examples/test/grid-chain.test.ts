import { key, normals } from '@srmcmc/core';
import { describe, expect, test } from 'vitest';
import { kl, normalised, tilted } from '../theory/finite.ts';
import {
  after,
  glauber,
  gridPoints,
  langevinOnGrid,
  laws,
  metropolised,
  stationary,
  type Transition,
} from '../theory/grid-chain.ts';

const SEEDS = [1, 2, 3, 4, 5];
const STEPS = 400;
/** Of a sum of a few hundred terms of order 1. */
const ROUNDING = 1e-14;

const points = gridPoints(-3, 3, 60);
const even = normalised(new Float64Array(60).fill(1));

/** A random smooth law with several modes. */
function landscape(seed: number): Float64Array {
  const amplitudes = normals(key(seed), 1, 6);
  const f = points.map((x) =>
    amplitudes.reduce((sum, a, k) => sum + 1.5 * a * Math.cos((k + 1) * x + k), (-x * x) / 4),
  );
  return tilted(even, f);
}

const rises = (values: readonly number[]): number =>
  Math.max(...values.slice(1).map((value, k) => value - values[k]!));

describe.each(SEEDS)('seed %i', (seed) => {
  const p = landscape(seed);

  test.each([0.1, 0.3, 1])(
    'with the Metropolis test KL(q_K‖p) never rises, and p stays: Δ = %f',
    (stepSize) => {
      const chain = metropolised(langevinOnGrid(points, p.map(Math.log), stepSize), p);
      expect(kl(after(chain, p), p)).toBeLessThan(ROUNDING);
      expectDetailedBalance(chain, p);
      const distances = laws(chain, even, STEPS).map((q) => kl(q, p));
      expect(rises(distances)).toBeLessThan(ROUNDING);
      expect(distances.at(-1)).toBeLessThan(distances[0]! / 2);
    },
  );

  test('without it KL to its own stationary law never rises, and to p it rises from 0', () => {
    const chain = langevinOnGrid(points, p.map(Math.log), 0.3);
    const own = stationary(chain);
    expect(kl(after(chain, own), own)).toBeLessThan(ROUNDING);
    expect(rises(laws(chain, even, STEPS).map((q) => kl(q, own)))).toBeLessThan(ROUNDING);
    expect(kl(own, p)).toBeGreaterThan(1e-3);
    expect(kl(after(chain, p), p)).toBeGreaterThan(1e-5);
  });

  test('Glauber dynamics keep their law', () => {
    const law = normalised(normals(key(seed), 1, 16).map(Math.exp));
    expectDetailedBalance(glauber(law, 4), law);
  });
});

function expectDetailedBalance(chain: Transition, p: Float64Array): void {
  chain.forEach((row, i) => {
    expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
    row.forEach((mass, j) => {
      expect(mass).toBeGreaterThanOrEqual(-ROUNDING);
      if (Math.abs(p[i]! * mass - p[j]! * chain[j]![i]!) > ROUNDING)
        expect.fail(`${i} and ${j} are out of balance`);
    });
  });
}
