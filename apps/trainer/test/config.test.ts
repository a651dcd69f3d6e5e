import { readFile } from 'node:fs/promises';
import { InvalidArgumentError } from '@srmcmc/core';
import { describe, expect, test } from 'vitest';
import { configFields, resolveConfig, resumedConfig } from '../src/config.ts';
import { flags, flagTables } from '../src/flags.ts';
import { idleFields } from '../src/idle-fields.ts';
import { annealed } from '../src/model.ts';
import { presetNames } from '../src/presets.ts';

describe('resolveConfig', () => {
  test('puts what is given on top of the preset, and the preset on top of the defaults', () => {
    const config = resolveConfig({ preset: 'cifar10-paper', steps: 25 });
    expect(config).toMatchObject({ steps: 25, learningRate: 1e-4, subset: 40_000, beta1: 0.9 });
  });

  test('accepts every preset', () => {
    for (const preset of presetNames) expect(resolveConfig({ preset }).preset).toBe(preset);
  });

  test('gives back what it made', () => {
    const config = resolveConfig({ preset: 'toy-2d', seed: 3 });
    expect(resolveConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
  });

  test.each([
    [{ steps: 0 }, 'steps: must be at least 1, got 0'],
    [{ steps: 1e9 }, 'steps: must be at most 1000000, got 1000000000'],
    [{ leapfrogSteps: 2e8 }, 'leapfrogSteps: must be at most 1000000, got 200000000'],
    [{ steps: 2.5 }, 'steps: must be an integer, got 2.5'],
    [{ learningRate: 0 }, 'learningRate: must be above 0, got 0'],
    [{ beta1: 1 }, 'beta1: must be below 1, got 1'],
    [{ batch: '64' }, 'batch: must be a number, got "64"'],
    [{ chains: 'dta' }, 'chains: must be one of noise, data, persistent, got "dta"'],
    [{ preset: 'fast' }, /^preset: must be one of quick, /],
    [{ channels: [] }, 'channels: must list at least one, got []'],
    [
      { name: '../up' },
      'name: must be made of letters, digits, dots, dashes and underscores, and not of dots alone, got "../up"',
    ],
    [{ name: '.' }, /^name: .* and not of dots alone, got "\."$/],
    [{ name: '..' }, /^name: .* and not of dots alone, got "\.\."$/],
    [{ samples: 2e6 }, 'samples: must be at most 1000000, got 2000000'],
    [{ lerningRate: 1 }, 'lerningRate: is not a field of the configuration; did you mean learningRate?'],
    [{ xyz: 1 }, 'xyz: is not a field of the configuration'],
    [{ constructor: 2 }, 'constructor: is not a field of the configuration'],
    [JSON.parse('{ "__proto__": 2 }'), '__proto__: is not a field of the configuration'],
    [{ runs: '' }, 'runs: must not be empty, got ""'],
    [
      { version: 0 },
      /^version: the configuration is of version 0, this program reads 1: compare it with --print-config/,
    ],
    [{ version: 2 }, /^version: .* update @srmcmc$/],
  ])('refuses %j and says why', (given, message) => {
    expect(() => resolveConfig(given)).toThrow(InvalidArgumentError);
    expect(() => resolveConfig(given)).toThrow(message);
  });
});

describe('resumedConfig', () => {
  const stored = resolveConfig({ preset: 'toy-2d' });

  test('lets a run go on for longer, or elsewhere', () => {
    expect(resumedConfig(stored, { iterations: 9000, backend: 'cpu' })).toEqual({
      ...stored,
      iterations: 9000,
      backend: 'cpu',
    });
  });

  test('refuses to change what the weights depend on', () => {
    expect(() => resumedConfig(stored, { learningRate: 1 })).toThrow(
      /learningRate: is 0\.\d+ in the run and cannot become 1: start a new run, with --init-weights/,
    );
  });
});

describe('flags', () => {
  test('there is one for every field, with a description', () => {
    expect(flags.map((flag) => flag.field)).toEqual(configFields);
    for (const { description } of flags) expect(description.length).toBeGreaterThan(5);
    expect(flags.map((flag) => flag.name)).toContain('--learning-rate');
  });

  test('every default survives being typed', () => {
    for (const { parse, defaultValue } of flags) {
      if (defaultValue === null) continue;
      expect(parse(String(defaultValue))).toEqual(defaultValue);
    }
  });

  test('the tables in the README are those of the schema: `pnpm --filter @srmcmc/trainer flags` writes them', async () => {
    const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
    // However wide a formatter draws the columns.
    const tidy = (text: string): string => text.replace(/ +/g, ' ').replace(/-{3,}/g, '---');
    expect(tidy(readme)).toContain(tidy(flagTables()));
  });
});

test('annealing begins where it is told to and reaches its factor at the last iteration', () => {
  const config = resolveConfig({ iterations: 1000, annealFrom: 0.8 });
  const schedule = annealed(config, 2, 0.01) as (index: number) => number;
  expect(schedule(0)).toBe(2);
  expect(schedule(800)).toBe(2);
  expect(schedule(900)).toBeCloseTo(0.2, 12);
  expect(schedule(1000)).toBeCloseTo(0.02, 12);
  expect(schedule(5000)).toBeCloseTo(0.02, 12);
  expect(annealed(config, 2, 1)).toBe(2);
});

describe('fields that have no effect', () => {
  const image = [32, 32, 3];
  test.each([
    ['hidden', {}, image, 'the data are images, whose net has channels'],
    ['channels', {}, [2], 'the data are points, whose net has hidden layers'],
    ['evaluateEvery', {}, [2], 'the data are points'],
    ['leapfrogSteps', {}, image, 'the kernel is langevin'],
    ['drift', { stepSize: 0.1 }, image, 'stepSize replaces it'],
    ['noise', { stepSize: 0.1 }, image, 'stepSize replaces it'],
    ['bufferSize', {}, image, 'chains start from noise'],
    ['renewal', { chains: 'data' }, image, 'chains start from the data'],
    ['annealFrom', { learningRateDecay: 1 }, image, 'learningRateDecay and sigmaDecay are 1'],
    ['rollbackFactor', { maxRollbacks: 0 }, image, 'maxRollbacks is 0'],
  ] as const)('%s, beside %j and data of shape %j', (field, others, shape, reason) => {
    const config = resolveConfig({ preset: 'small', ...others });
    expect(idleFields(['seed', field, 'steps'], config, shape)).toEqual([
      `${field} has no effect: ${reason}`,
    ]);
  });

  test('are none where they have', () => {
    const config = resolveConfig({ kernel: 'hmc', chains: 'persistent' });
    const fields = configFields.filter((field) => field !== 'hidden');
    expect(idleFields(fields, config, image)).toEqual([]);
    expect(idleFields(['hidden'], config, [2])).toEqual([]);
  });
});
