/** Command-line flags from a zod schema: names, help and checks all come from it. */
import { flagName, problemOf, requireValues } from '@srmcmc/flags';
import { type Command, Option } from 'commander';
import { z } from 'zod';

/** The exit code of a command that was called wrongly. */
export const USAGE_ERROR = 2;

interface FieldSchema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  /** Of a flag whose value may be left out. */
  readonly anyOf?: readonly FieldSchema[];
}

/** A flag that may be given alone, or with a file's name; see `--json`. */
export function optionalFile(description: string) {
  return z
    .union([z.literal(true), z.string()])
    .optional()
    .describe(description);
}

/**
 * Adds a flag for each field: `noiseOff`, a boolean, becomes `--noise-off`, `steps` becomes `--steps <integer>`, and an
 * `optionalFile` becomes `--json [file]`.
 */
export function addFlags(command: Command, schema: z.ZodObject): Command {
  const properties = z.toJSONSchema(schema, { io: 'input' }).properties as Record<string, FieldSchema>;
  for (const [field, schemaOfField] of Object.entries(properties)) {
    const { type, enum: choices, description, default: initial, anyOf } = schemaOfField;
    const name = flagName(field);
    const isRequired = !schema.shape[field]!.safeParse(undefined).success;
    const placeholder = choices?.join('|') ?? (type === 'string' ? 'text' : type);
    const help = isRequired ? `${description} (required)` : description;
    const value = anyOf !== undefined ? ' [file]' : type === 'boolean' ? '' : ` <${placeholder}>`;
    const option = new Option(name + value, help);
    if (type !== 'boolean' && initial !== undefined) option.default(initial);
    if (type === 'integer' || type === 'number') option.argParser(numberOr);
    command.addOption(option.makeOptionMandatory(isRequired));
  }
  requireValues(command);
  return command;
}

/** The fields that name a file to write, in every command. */
const OUTPUTS = ['out', 'plot', 'json', 'report'];

/** The files that the flags name to be written. */
export function outputsIn(flags: Readonly<Record<string, unknown>>): string[] {
  return OUTPUTS.map((field) => flags[field]).filter((value) => typeof value === 'string');
}

/** What the flags say, checked. A bad value ends the command as a usage error that names the field. */
export function readFlags<S extends z.ZodObject>(command: Command, schema: S): z.output<S> {
  const given = command.opts<Record<string, unknown>>();
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const field = String(issue.path[0]);
  const value = given[field];
  const got = typeof value === 'string' ? `'${value}'` : String(value);
  return command.error(`error: ${field}: ${problemOf(issue)}, got ${got}`, { exitCode: USAGE_ERROR });
}

/** A text that is no number stays a text, for the schema to refuse. */
function numberOr(text: string): number | string {
  const value = Number(text);
  return text.trim() === '' || !Number.isFinite(value) ? text : value;
}
