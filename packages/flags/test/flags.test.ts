import { InvalidArgumentError } from '@srmcmc/core';
import { Command } from 'commander';
import { describe, expect, it, test } from 'vitest';
import { z } from 'zod';
import { flagName, numberFrom, problemOf, requireValues } from '../src/index.ts';

test('a flag has the words of its field', () => {
  expect(['steps', 'sampleSeconds', 'beta1'].map(flagName)).toEqual([
    '--steps',
    '--sample-seconds',
    '--beta1',
  ]);
});

describe('requireValues', () => {
  function parsed(...args: string[]): { options?: object; said: string } {
    let said = '';
    const command = new Command()
      .exitOverride()
      .configureOutput({ writeErr: (text) => (said += text) })
      .option('--steps <integer>', 'a number', Number)
      .option('--name <text>')
      .option('--json [file]')
      .option('--quick');
    requireValues(command);
    try {
      return { options: command.parse(args, { from: 'user' }).opts(), said };
    } catch {
      return { said };
    }
  }

  it.each([
    ['a flag that is known', ['--steps', '--json', 'x'], '--steps <integer>'],
    ['a flag that is not', ['--name', '--nothing'], '--name <text>'],
    ['nothing', ['--quick', '--name'], '--name <text>'],
  ])('refuses %s in the place of a value', (_, args, flag) => {
    expect(parsed(...args)).toEqual({ said: `error: option '${flag}' argument missing\n` });
  });

  it('lets values through that begin with one dash, and leaves alone what needs none', () => {
    expect(parsed('--steps', '-3', '--name', '-', '--json', '--quick')).toEqual({
      options: { steps: -3, name: '-', json: true, quick: true },
      said: '',
    });
  });
});

test('a number is what the whole text says', () => {
  expect(['3', '-0.5', '1e3'].map((text) => numberFrom('steps', text))).toEqual([3, -0.5, 1000]);
  for (const text of ['', ' ', 'many', '3 steps', 'Infinity', 'NaN']) {
    expect(() => numberFrom('steps', text)).toThrow(InvalidArgumentError);
    expect(() => numberFrom('steps', text)).toThrow(`steps: must be a number, got '${text}'`);
  }
});

test.each([
  [z.int().min(1), 0, 'must be at least 1'],
  [z.number().positive(), 0, 'must be above 0'],
  [z.int().max(3), 4, 'must be at most 3'],
  [z.number().lt(1), 1, 'must be below 1'],
  [z.enum(['a', 'b']), 'c', 'must be one of a, b'],
  [z.int(), 1.5, 'must be an integer'],
  [z.number(), 'many', 'must be a number'],
  [z.string(), 1, 'must be a text'],
  [z.array(z.int()), 1, 'must be a list'],
  [z.array(z.int()).min(1), [], 'must list at least one'],
  [z.boolean(), 'yes', 'must be true or false'],
  [z.string().min(1), '', 'must not be empty'],
  [z.date(), 1, 'must be of type date'],
  [z.string().regex(/\.png$/, 'must end in .png'), 'a.jpg', 'must end in .png'],
])('what is wrong is said in words: %#', (schema, value, problem) => {
  expect(problemOf(schema.safeParse(value).error!.issues[0]!)).toBe(problem);
});
