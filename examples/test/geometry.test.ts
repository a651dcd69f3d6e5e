import { foldIn, type Key, key, normals, split, uniforms } from '@srmcmc/core';
import { mixture1d } from '@srmcmc/datasets';
import { entropy as entropyOnGrid, grid, klDivergence } from '@srmcmc/metrics';
import { describe, expect, test } from 'vitest';
import { entropy, kl, moments, normalised, tilted } from '../theory/finite.ts';
import {
  fourSpins,
  identities,
  learned,
  modelOf,
  modesOnGrid,
  uniformOn,
  type World,
} from '../theory/geometry.ts';

const SEEDS = [1, 2, 3, 4, 5];
/** What the identities are claimed to hold to, in nats. */
const EXACT = 1e-10;

/** Three Gaussians of random place, width and weight. */
function randomMixture(from: Key): World {
  const [mean, std, weight] = split(from, 3).map((one) => uniforms(one, 3, 1)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  return modesOnGrid(
    mixture1d(
      [-1.5, 0, 1.5].map((place, k) => ({
        mean: place + mean[k]! - 0.5,
        std: 0.3 + 0.4 * std[k]!,
        weight: 0.5 + weight[k]!,
      })),
    ),
  );
}

describe.each(SEEDS)('seed %i', (seed) => {
  test.each([
    ['a random mixture on a grid', randomMixture],
    ['a random law of four spins', fourSpins],
  ])('both Pythagorean identities, eq. 8 and eq. 9 hold to 1e-10: %s', (_name, make) => {
    const world = make(key(seed));
    const found = learned(world);
    const size = world.data.length;
    for (let draw = 0; draw < 3; draw++) {
      const [thetaKey, lawKey] = split(foldIn(key(seed), draw)) as [Key, Key];
      const theta = Array.from(normals(thetaKey, 1, world.features.length));
      const other = tilted(uniformOn(world), normals(lawKey, 1, size));
      for (const { name, left, right } of identities(world, found, theta, other)) {
        expect(left, name).toBeGreaterThan(1e-7);
        expect(Math.abs(left - right), name).toBeLessThan(EXACT);
      }
    }
    const goal = moments(world.data, world.features);
    const gap = Math.max(
      ...moments(found.qBar, world.features).map((value, k) => Math.abs(value - goal[k]!)),
    );
    expect(gap, 'q_θ̄ is in Ω').toBeLessThan(1e-11);
  });

  test('a law outside Ω breaks the identity, and eq. 8 with p_θ̄ in the place of q_θ̄', () => {
    const world = fourSpins(key(seed));
    const { pHat, pBar, thetaBar } = learned(world);
    const pTheta = modelOf(
      world,
      thetaBar.map((t) => 2 * t),
    );
    expect(Math.abs(kl(pBar, pTheta) - kl(pBar, pHat) - kl(pHat, pTheta))).toBeGreaterThan(1e-3);
    expect(Math.abs(kl(pBar, pHat) - (entropy(pHat) - entropy(pBar)))).toBeGreaterThan(1e-3);
  });
});

test('entropy and KL are those of the metrics package, on cells of volume 1', () => {
  const cells = grid({ dimension: 1, low: 0, high: 50, cells: 50 });
  const [p, q] = SEEDS.slice(0, 2).map((seed) => normalised(normals(key(seed), 1, 50).map(Math.exp))) as [
    Float64Array,
    Float64Array,
  ];
  expect(kl(p, q)).toBeCloseTo(klDivergence(cells, p, q), 12);
  expect(entropy(p)).toBeCloseTo(entropyOnGrid(cells, p), 12);
});
