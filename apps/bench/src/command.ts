/** The command line: flags to a run, its results to tables and files, errors to exit codes. */
import { requireWritable, storing } from '@srmcmc/checkpoint';
import { InvalidArgumentError, SrmcmcError } from '@srmcmc/core';
import { requireValues } from '@srmcmc/flags';
import { replaceFile } from '@srmcmc/safetensors/node';
import { Command, CommanderError } from 'commander';
import { bench, isRequested } from './bench.ts';
import { baselineOf, check } from './check.ts';
import { busyWarning } from './environment.ts';
import { addFlags, type Flags, readFlags } from './flags.ts';
import { type Progress, progress, type TextOutput } from './progress.ts';
import { chartSvg } from './report/chart.ts';
import { checkReport } from './report/check-report.ts';
import { markdownTable, textTable } from './report/table.ts';
import { readResults, type Results } from './results.ts';
import { VERSION } from './software.ts';

/** Where the program writes, and what stops it. */
export interface Terminal {
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  readonly signal: AbortSignal;
}

const FAILURE = 1;
/** The command line cannot be used. */
const USAGE = 2;
/** What shells give for a program that SIGINT ended. */
const INTERRUPTED = 130;

/**
 * Runs srmcmc-bench with these arguments.
 *
 * @returns the exit code: 0; 1 for a regression, a wrong result or another failure; 2 for a wrong call; 130 when it was
 * stopped, after what was measured is printed.
 */
export async function main(argv: readonly string[], terminal: Terminal): Promise<number> {
  // `pnpm bench -- --quick` hands the dashes on; `pnpm bench --quick` does not.
  const args = argv[0] === '--' ? argv.slice(1) : argv;
  let code = 0;
  try {
    await program(terminal, (result) => (code = result)).parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    return reportError(error, terminal);
  }
}

function program(terminal: Terminal, finish: (code: number) => void): Command {
  const { stdout, stderr } = terminal;
  const command = new Command('srmcmc-bench')
    .description(
      "Measures short-run MCMC on this machine's engines and on other people's programs, in fractions of\n" +
        'the measured peak. Without flags: every workload on every engine, which takes an hour or so.',
    )
    .version(VERSION)
    .configureHelp({ helpWidth: Math.min(stdout.columns ?? 110, 110) })
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .exitOverride();
  addFlags(command).action(async (options: Record<string, unknown>) =>
    finish(await measureAndReport(readFlags(options), terminal)),
  );
  const table = command
    .command('table')
    .description('print results again, as the Markdown of docs/performance.md')
    .argument('<results>', 'a file that --json wrote')
    .option('--svg <text>', 'write a chart here')
    .action(async (path: string, _options: object, subcommand: Command) => {
      const results = await readResults(path);
      stdout.write(markdownTable(results));
      const { svg } = subcommand.optsWithGlobals<{ svg?: string }>();
      if (svg !== undefined) await writeText(svg, chartSvg(results));
    });
  requireValues(table);
  return command;
}

async function measureAndReport(flags: Flags, { stdout, stderr, signal }: Terminal): Promise<number> {
  const { json, svg, check: baselineFile, updateBaseline } = flags;
  // What cannot be written or read is better known before the hour than after it.
  for (const path of [json, svg, updateBaseline ? baselineFile : undefined]) {
    if (path !== undefined) await requireWritable(path);
  }
  const baseline = baselineFile === undefined || updateBaseline ? undefined : await readResults(baselineFile);
  let line: Progress | undefined;
  const { results, wrong } = await bench(
    flags,
    {
      onStart: (environment, engines, samples) => {
        const warning = busyWarning(environment);
        if (warning !== undefined) stderr.write(`${warning}\n`);
        stderr.write(`engines: ${engines.map(({ name }) => name).join(', ')}\n`);
        line = progress(stderr, samples);
      },
      onSamples: (count, title) => line?.advance(count, title),
    },
    signal,
  ).finally(() => line?.end());
  stdout.write(textTable(results));
  if (json !== undefined) await writeText(json, jsonOf(results));
  if (svg !== undefined) await writeText(svg, chartSvg(results));
  if (signal.aborted) {
    stderr.write('stopped: the rest was not measured\n');
    return INTERRUPTED;
  }
  for (const name of wrong) stderr.write(`error: a wrong result: ${name}\n`);
  if (results.rows.length === 0) {
    stderr.write('error: nothing was measured; what was left out, and why, is above\n');
    return FAILURE;
  }
  if (updateBaseline) {
    await writeText(baselineFile!, jsonOf(baselineOf(results)));
    stderr.write(`baseline: ${baselineFile}\n`);
  }
  const isSlower = baseline !== undefined && !checked(results, baseline, flags, stdout);
  return wrong.length > 0 || isSlower ? FAILURE : 0;
}

/** Prints the comparison; whether nothing has regressed. */
function checked(results: Results, baseline: Results, flags: Flags, stdout: TextOutput): boolean {
  const found = check(results, baseline, flags.tolerance, (engine) => isRequested(flags, engine));
  stdout.write(`\n${checkReport(found, flags.check!)}`);
  return found.lost.length === 0 && found.rows.every(({ verdict }) => verdict !== 'regressed');
}

/** The file appears under its name only when it is whole. @throws StorageError. */
async function writeText(path: string, text: string): Promise<void> {
  await storing(path, () => replaceFile(path, [Buffer.from(text)]));
}

/** One line a row, so that a change of a baseline can be read. */
function jsonOf({ rows, ...rest }: Results): string {
  const head = JSON.stringify({ ...rest, rows: [] }, null, 2);
  const lines = rows.map((row) => `    ${JSON.stringify(row, rounded)}`).join(',\n');
  return (
    head.replace('"rows": []', () => (rows.length === 0 ? '"rows": []' : `"rows": [\n${lines}\n  ]`)) + '\n'
  );
}

/** Six digits, more than any clock has. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;
}

/** Prints what went wrong, and returns the exit code. Errors that were foreseen need no stack. */
function reportError(error: unknown, { stderr, signal }: Terminal): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
  if (signal.aborted) return INTERRUPTED;
  if (error instanceof SrmcmcError) {
    stderr.write(`error: ${error.message}\n`);
    return error instanceof InvalidArgumentError ? USAGE : FAILURE;
  }
  stderr.write(`unexpected error: ${error instanceof Error ? error.stack : String(error)}\n`);
  return FAILURE;
}
