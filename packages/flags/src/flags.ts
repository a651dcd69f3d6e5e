/** What programs share whose flags are the fields of a zod schema: names, numbers, and what is said of wrong ones. */
import { InvalidArgumentError } from '@srmcmc/core';
import type { Command } from 'commander';
import type { z } from 'zod';

/** The flag of a field: `sampleSeconds` is `--sample-seconds`. */
export function flagName(field: string): string {
  return `--${field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/**
 * Refuses a flag that stands where the value of another belongs, which commander would take for the value: it is
 * missing, and the command says so as where it is the last. To be called when all flags of the command are there.
 */
export function requireValues(command: Command): void {
  for (const option of command.options) {
    if (!option.required) continue;
    const parse = option.parseArg;
    option.argParser((text: string, before: unknown) => {
      if (text.startsWith('--')) command.error(`error: option '${option.flags}' argument missing`);
      return parse === undefined ? text : parse(text, before);
    });
  }
}

/**
 * The number that a text says.
 *
 * @throws InvalidArgumentError that names the field, where it says none, or no finite one.
 */
export function numberFrom(field: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) {
    throw new InvalidArgumentError(field, `must be a number, got '${text}'`);
  }
  return value;
}

/** What is wrong with a field, to be followed by what it is: 'must be at least 1'. */
export function problemOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'too_small':
      if (issue.origin === 'array') return 'must list at least one';
      if (issue.origin === 'string') return 'must not be empty';
      return `must be ${issue.inclusive === false ? 'above' : 'at least'} ${issue.minimum}`;
    case 'too_big':
      return `must be ${issue.inclusive === false ? 'below' : 'at most'} ${issue.maximum}`;
    case 'invalid_value':
      return `must be one of ${issue.values.join(', ')}`;
    case 'invalid_type':
      return `must be ${NOUNS[issue.expected] ?? `of type ${issue.expected}`}`;
    default:
      return issue.message;
  }
}

const NOUNS: Readonly<Record<string, string>> = {
  int: 'an integer',
  number: 'a number',
  string: 'a text',
  array: 'a list',
  boolean: 'true or false',
};
