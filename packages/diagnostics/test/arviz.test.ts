/** Every diagnostic against ArviZ 0.23 and SciPy; tools/goldens/diagnostics made the numbers. */
import { readFileSync } from 'node:fs';
import { normalQuantile } from '@srmcmc/core';
import { describe, expect, test } from 'vitest';
import {
  bfmi,
  bulkEss,
  type Chains,
  mcseMean,
  mcseQuantile,
  mcseSd,
  rHat,
  summarise,
  tailEss,
} from '@srmcmc/diagnostics';
import { betaQuantile } from '../src/beta-quantile.ts';
import { golden } from '../../../tools/goldens/golden.ts';

interface Expected {
  readonly rHat: number;
  readonly bulkEss: number;
  readonly tailEss: number;
  readonly mcseMean: number;
  readonly mcseSd: number;
  readonly mcseQuantile: Record<string, number>;
  readonly mean: number;
  readonly sd: number;
}

const expected = JSON.parse(readFileSync(new URL('goldens/arviz.json', import.meta.url), 'utf8')) as {
  chains: Record<string, Expected>;
  bfmi: number[];
  normalQuantile: [p: number, x: number][];
  betaQuantile: [p: number, a: number, b: number, x: number][];
};
const draws = golden(import.meta.url, 'chains');

function chainsOf(name: string): Chains {
  const { shape, data } = draws.get(name)!;
  const [chains, length] = shape as [number, number];
  return Array.from({ length: chains }, (_, i) => data.subarray(i * length, (i + 1) * length));
}

/** |actual − expected| / |expected|, and 0 where both are 0. */
const error = (actual: number, value: number): number =>
  actual === value ? 0 : Math.abs(actual - value) / Math.abs(value);

describe.each(Object.entries(expected.chains))('chains: %s', (name, values) => {
  const chains = chainsOf(name);

  test('R-hat, bulk and tail ESS agree with ArviZ to 1e-8', () => {
    expect(error(rHat(chains), values.rHat)).toBeLessThan(1e-8);
    expect(error(bulkEss(chains), values.bulkEss)).toBeLessThan(1e-8);
    expect(error(tailEss(chains), values.tailEss)).toBeLessThan(1e-8);
  });

  test('standard errors of mean, sd and quantiles agree with ArviZ to 1e-8', () => {
    expect(error(mcseMean(chains), values.mcseMean)).toBeLessThan(1e-8);
    expect(error(mcseSd(chains), values.mcseSd)).toBeLessThan(1e-8);
    for (const [probability, value] of Object.entries(values.mcseQuantile))
      expect(error(mcseQuantile(chains, Number(probability)), value), probability).toBeLessThan(1e-8);
  });

  test('the summary holds them, and mean and sd as NumPy has them', () => {
    const { mcseQuantile: _, ...rest } = values;
    const summary = summarise(chains);
    expect(Object.keys(summary).sort()).toEqual(Object.keys(rest).sort());
    for (const [key, value] of Object.entries(rest))
      expect(error(summary[key as keyof typeof summary], value), key).toBeLessThan(1e-8);
  });
});

test('E-BFMI agrees with ArviZ to 1e-8', () => {
  bfmi(chainsOf('energies')).forEach((value, i) =>
    expect(error(value, expected.bfmi[i]!)).toBeLessThan(1e-8),
  );
});

test.each(expected.normalQuantile)('the normal quantile of %d agrees with SciPy to 1e-12', (p, x) => {
  expect(Math.abs(normalQuantile(p) - x)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(x)));
});

test.each(expected.betaQuantile)(
  'the beta quantile of %d for (%d, %d) agrees with SciPy to 1e-10',
  (p, a, b, x) => {
    expect(error(betaQuantile(p, a, b), x)).toBeLessThan(1e-10);
  },
);
