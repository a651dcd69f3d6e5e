/** Command-line flags from the configuration's schema: one a field, and the table of them for the README. */
import { flagName, numberFrom } from '@srmcmc/flags';
import { z } from 'zod';
import { configFields, type ConfigField, configSchema, fieldGroups } from './config.ts';

export interface Flag {
  readonly field: ConfigField;
  /** `--learning-rate` */
  readonly name: string;
  /** `<number>`, as the help shows it; empty for a flag that is given alone. */
  readonly value: string;
  readonly description: string;
  readonly defaultValue: unknown;
  readonly group: string;
  /** The field's value from a text; throws InvalidArgumentError where the text is none. */
  parse(text: string): unknown;
}

interface FieldSchema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly FieldSchema[];
  readonly description?: string;
  readonly default?: unknown;
}

/** What the help calls a value of a JSON schema's type. */
const VALUE_NAMES: Readonly<Record<string, string>> = {
  integer: 'integer',
  number: 'number',
  string: 'text',
  array: 'integers',
};

const properties = z.toJSONSchema(configSchema).properties as Record<string, FieldSchema>;

export const flags: readonly Flag[] = configFields.map((field) => {
  const { anyOf, description = '', default: defaultValue, ...rest } = properties[field]!;
  const { type, enum: choices } = anyOf?.[0] ?? rest;
  return {
    field,
    name: flagName(field),
    value:
      type === 'boolean' ? '' : `<${choices === undefined ? (VALUE_NAMES[type ?? ''] ?? 'text') : 'choice'}>`,
    description: choices === undefined ? description : `${description}: ${choices.join(', ')}`,
    defaultValue,
    group: Object.entries(fieldGroups).find(([, group]) => field in group)![0],
    parse: (text) => parseAs(field, type, text, anyOf !== undefined),
  };
});

/** The table of flags in Markdown, one section a group. */
export function flagTables(): string {
  return Object.keys(fieldGroups)
    .map((group) => {
      const rows = flags
        .filter((flag) => flag.group === group)
        .map(
          ({ name, value, description, defaultValue }) =>
            `| \`${`${name} ${value}`.trimEnd()}\` | ${formatDefault(defaultValue)} | ${description.replaceAll('|', '\\|')} |`,
        );
      return [`### ${group}`, '', '| flag | default | |', '| --- | --- | --- |', ...rows].join('\n');
    })
    .join('\n\n');
}

/** A default as a user would type it; a dash for a field that is not used unless given. */
export function formatDefault(value: unknown): string {
  if (value === null || value === false) return '–';
  return Array.isArray(value) ? value.join(',') : String(value);
}

function parseAs(field: string, type: string | undefined, text: string, nullable: boolean): unknown {
  if (nullable && text === 'none') return null;
  switch (type) {
    case 'integer':
    case 'number':
      return numberFrom(field, text);
    case 'boolean':
      return text === 'true';
    case 'array':
      return text.split(',').map((part) => numberFrom(field, part));
    default:
      return text;
  }
}
