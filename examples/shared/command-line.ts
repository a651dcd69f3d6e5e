/** What the examples that are tools have in common: their flags, one line for what is wrong with a call, and tables. */
import { basename } from 'node:path';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { requireWritable } from '@srmcmc/checkpoint';
import { InvalidArgumentError, SrmcmcError } from '@srmcmc/core';

type Flags = NonNullable<ParseArgsConfig['options']>;

const FAILURE = 1;
const USAGE_ERROR = 2;

/**
 * The flags and the other arguments of a program. `usage` follows its name: `[--full] [--out file.svg]`, and what they are
 * below. `--help` prints it. An unknown flag, and an `--out` that cannot be written, end the program with one line, and so
 * does any foreseen error later.
 */
export async function commandLine<const F extends Flags>(
  usage: string,
  flags: F,
  { allowPositionals = false }: { readonly allowPositionals?: boolean } = {},
): Promise<ReturnType<typeof parseArgs<{ options: F; allowPositionals: true }>>> {
  process.once('uncaughtException', end);
  const options = { ...flags, help: { type: 'boolean' } } as const;
  const { values, positionals } = parsed({ options, allowPositionals });
  if (values.help === true) {
    const program = `node --import tsx --conditions=@srmcmc/source examples/${basename(process.argv[1]!)}`;
    console.log(`usage: ${program} ${usage}`.trimEnd());
    process.exit(0);
  }
  if (typeof values.out === 'string') await requireWritable(values.out);
  return { values, positionals } as unknown as ReturnType<
    typeof parseArgs<{ options: F; allowPositionals: true }>
  >;
}

function parsed(config: ParseArgsConfig): {
  values: Readonly<Record<string, unknown>>;
  positionals: string[];
} {
  try {
    return parseArgs(config);
  } catch (error) {
    // Node's hint at `--` is about arguments that begin with a dash.
    const [problem] = (error as Error).message.split('. To specify');
    throw new InvalidArgumentError('arguments', `${problem}; --help says what there is`);
  }
}

/** A foreseen error is one line; the stack of any other is what its report needs. */
function end(error: unknown): never {
  const isForeseen = error instanceof SrmcmcError;
  console.error(isForeseen ? `error: ${error.message.replace(/\s*\n\s*/g, ' ')}` : error);
  process.exit(error instanceof InvalidArgumentError ? USAGE_ERROR : FAILURE);
}

/** Prints rows under their headings, in columns as wide as they need. */
export function printTable(
  headings: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): void {
  const cells = [headings, headings.map(() => '---'), ...rows.map((row) => row.map(shown))];
  const widths = headings.map((_, k) => Math.max(...cells.map((row) => widthOf(row[k]!))));
  for (const row of cells) {
    const padded = row.map((cell, k) => {
      const room = widths[k]! - widthOf(cell);
      return cell === '---' ? '-'.repeat(widths[k]!) : cell + ' '.repeat(room);
    });
    console.log(`| ${padded.join(' | ')} |`);
  }
}

function shown(value: string | number): string {
  if (typeof value === 'string') return value;
  if (Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  return size < 1e-3 || size >= 1e5 ? value.toExponential(1) : value.toPrecision(4);
}

/** Of a text on a terminal, where the hat of θ̂ takes no place. */
function widthOf(text: string): number {
  return text.replace(/\p{Mark}/gu, '').length;
}
