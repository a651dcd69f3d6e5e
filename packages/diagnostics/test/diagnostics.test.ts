/** What diagnostics must say of chains whose answer is known, and what they refuse. */
import { describe, expect, test } from 'vitest';
import { fromChain, key, normals } from '@srmcmc/core';
import { bfmi, bulkEss, mcseMean, mcseQuantile, mcseSd, rHat, summarise, tailEss } from '@srmcmc/diagnostics';

const code = (expected: string): unknown => expect.objectContaining({ code: expected });

/** AR(1) chains of unit variance in equilibrium: their autocorrelation at lag t is coefficient^t. */
function autoregressive(coefficient: number, chains: number, draws: number, seed: number): Float64Array[] {
  return Array.from({ length: chains }, (_, i) => {
    const noise = normals(fromChain(key(seed), i), 1, draws);
    const x = Float64Array.from(noise);
    for (let t = 1; t < draws; t++)
      x[t] = coefficient * x[t - 1]! + Math.sqrt(1 - coefficient ** 2) * noise[t]!;
    return x;
  });
}

describe('on AR(1) chains', () => {
  test.each([0, 0.5, 0.8, -0.4])('bulk ESS is about S (1 − ρ) / (1 + ρ) for ρ = %d', (coefficient) => {
    const [chains, draws] = [8, 2000];
    const exact = (chains * draws * (1 - coefficient)) / (1 + coefficient);
    const estimates = [1, 2, 3, 4, 5].map((seed) =>
      bulkEss(autoregressive(coefficient, chains, draws, seed)),
    );
    const mean = estimates.reduce((sum, ess) => sum + ess / estimates.length, 0);
    expect(Math.abs(mean / exact - 1)).toBeLessThan(0.1);
  });

  test('errors of mean, sd and median are as large as their standard errors say', () => {
    const seeds = Array.from({ length: 200 }, (_, i) => i + 1);
    const scores = seeds.map((seed) => {
      const chains = autoregressive(0.6, 4, 250, seed);
      const { mean, sd } = summarise(chains);
      const all = chains.flatMap((chain) => [...chain]).sort((a, b) => a - b);
      const median = (all[499]! + all[500]!) / 2;
      return [mean / mcseMean(chains), (sd - 1) / mcseSd(chains), median / mcseQuantile(chains, 0.5)];
    });
    for (const i of [0, 1, 2]) {
      const meanSquare = scores.reduce((sum, score) => sum + score[i]! ** 2, 0) / scores.length;
      // The mean square of 200 standard scores has the standard error 0.1.
      expect(Math.abs(meanSquare - 1), `score ${i}`).toBeLessThan(0.4);
    }
  });
});

describe('R-hat', () => {
  const good = autoregressive(0.3, 4, 500, 1);

  test('is near 1 for chains that agree, and not for one in another place or of another width', () => {
    expect(rHat(good)).toBeLessThan(1.01);
    const other = (change: (x: number) => number) => [...good.slice(1), good[0]!.map(change)];
    expect(rHat(other((x) => x + 1))).toBeGreaterThan(1.05);
    expect(rHat(other((x) => 3 * x))).toBeGreaterThan(1.05);
  });

  test('notices that the halves of a single chain differ', () => {
    expect(rHat([good[0]!])).toBeLessThan(1.02);
    expect(rHat([good[0]!.map((x, t) => x + (2 * t) / 500)])).toBeGreaterThan(1.1);
  });

  test('does not change under a monotone transformation of the bulk', () => {
    const cubed = good.map((chain) => chain.map((x) => Math.exp(x)));
    expect(bulkEss(cubed)).toBeCloseTo(bulkEss(good), 9);
    expect(tailEss(cubed)).toBeCloseTo(tailEss(good), 9);
  });
});

test('E-BFMI is 2 for independent energies, and far less for a random walk', () => {
  const independent = bfmi(autoregressive(0, 4, 4000, 3));
  const walking = bfmi(autoregressive(0.98, 4, 4000, 3));
  for (const value of independent) expect(Math.abs(value - 2)).toBeLessThan(0.2);
  for (const value of walking) expect(value).toBeLessThan(0.1);
});

test('equal draws are worth themselves, have no error, and no R-hat', () => {
  const frozen = [new Float32Array(10).fill(0.1), new Float32Array(10).fill(0.1)];
  const { rHat: scale, ...rest } = summarise(frozen);
  expect(scale).toBeNaN();
  const value = Math.fround(0.1);
  expect(rest).toEqual({ mean: value, sd: 0, mcseMean: 0, mcseSd: 0, bulkEss: 20, tailEss: 20 });
});

describe('refused are', () => {
  const diagnostics = { bulkEss, tailEss, rHat, mcseMean, mcseSd, summarise };
  test.each([
    ['no chain', []],
    ['chains of three draws', [[1, 2, 3]]],
    [
      'chains of different length',
      [
        [1, 2, 3, 4],
        [1, 2, 3, 4, 5],
      ],
    ],
    ['a draw that is not a number', [[1, 2, Number.NaN, 4]]],
    ['an infinite draw', [[1, 2, Infinity, 4]]],
  ])('%s', (_name, chains) => {
    for (const [name, diagnose] of Object.entries(diagnostics))
      expect(() => diagnose(chains), name).toThrow(code('INVALID_ARGUMENT'));
  });

  test.each([0, 1, Number.NaN])('the quantile of probability %d', (probability) => {
    expect(() => mcseQuantile([[1, 2, 3, 4]], probability)).toThrow(code('INVALID_ARGUMENT'));
  });

  test('energies of one draw', () => {
    expect(() => bfmi([[1]])).toThrow(code('INVALID_ARGUMENT'));
  });
});
