/** Command-line flags from a zod schema: names, help and checks all come from it. */
import { type Command, Option } from 'commander';
import { z } from 'zod';

/** The exit code of a command that was called wrongly. */
export const USAGE_ERROR = 2;

interface FieldSchema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly description?: string;
  readonly default?: unknown;
}

/** Adds a flag for each field: `noiseOff`, a boolean, becomes `--noise-off`, and `steps` becomes `--steps <integer>`. */
export function addFlags(command: Command, schema: z.ZodObject): Command {
  const properties = z.toJSONSchema(schema, { io: 'input' }).properties as Record<string, FieldSchema>;
  for (const [field, { type, enum: choices, description, default: initial }] of Object.entries(properties)) {
    const name = flagName(field);
    const isRequired = !schema.shape[field]!.safeParse(undefined).success;
    const placeholder = choices?.join('|') ?? (type === 'string' ? 'text' : type);
    const option = new Option(type === 'boolean' ? name : `${name} <${placeholder}>`, description);
    if (type !== 'boolean' && initial !== undefined) option.default(initial);
    if (type === 'integer' || type === 'number') option.argParser(numberOr);
    command.addOption(option.makeOptionMandatory(isRequired));
  }
  return command;
}

/** What the flags say, checked. A bad value ends the command as a usage error that names the flag. */
export function readFlags<S extends z.ZodObject>(command: Command, schema: S): z.output<S> {
  const given = command.opts<Record<string, unknown>>();
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  const field = String(path[0]);
  return command.error(`error: ${flagName(field)}: ${message}, got '${String(given[field])}'`, {
    exitCode: USAGE_ERROR,
  });
}

function flagName(field: string): string {
  return `--${field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** A text that is no number stays a text, for the schema to refuse. */
function numberOr(text: string): number | string {
  const value = Number(text);
  return text.trim() === '' || !Number.isFinite(value) ? text : value;
}
