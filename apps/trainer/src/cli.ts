#!/usr/bin/env node
/** srmcmc-train: learn a short-run generator from the command line. */
import { Command, CommanderError, Option } from 'commander';
import { SrmcmcError } from '@srmcmc/core';
import { PthError } from '@srmcmc/pth';
import { SafetensorsError } from '@srmcmc/safetensors';
import { type GivenConfig, resolveConfig, resumedConfig } from './config.ts';
import { flags, formatDefault } from './flags.ts';
import { progressLine } from './progress.ts';
import { writeReport } from './report.ts';
import { displayName, findRun, readConfigFile } from './run-folder.ts';
import { trainerVersion } from './software.ts';
import { train, type TrainResult } from './train.ts';
import { exportWeights } from './weights-file.ts';

/** The command line or the configuration cannot be used; everything else that fails is 1. */
const USAGE = 2;
const FAILURE = 1;

interface CommandLine {
  readonly given: GivenConfig;
  readonly config?: string;
  readonly printConfig?: boolean;
  readonly resume?: string | true;
}

// `pnpm train -- --seed 1` hands the dashes on; `pnpm train --seed 1` does not.
const args = process.argv.slice(process.argv[2] === '--' ? 3 : 2);
/** How to start this program again, as the user did. */
const invocation = process.env.npm_lifecycle_event === 'train' ? 'pnpm train' : 'srmcmc-train';

// Progress that nobody reads any more (a closed pipe) is no reason to end a run.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

try {
  await program().parseAsync(args, { from: 'user' });
} catch (error) {
  process.exitCode = reportError(error);
}

function program(): Command {
  const command = new Command('srmcmc-train')
    .description(
      'Learns an energy whose short-run Langevin chains generate images or points\n' +
        '(Nijkamp, Hill, Zhu, Wu: NeurIPS 2019). Without flags: CIFAR-10, the preset quick.',
    )
    .version(trainerVersion)
    .option('--config <file>', 'JSON file of fields, as --print-config prints them; flags override it')
    .option('--print-config', 'print the configuration that the flags give, and stop')
    .option('--resume [run]', 'go on with a run: its folder or name; default: the newest of --name')
    .configureHelp({ helpWidth: Math.min(process.stdout.columns ?? 110, 110) })
    .exitOverride()
    .action((options: Record<string, unknown>) => runTraining(commandLine(options)));
  for (const { name, value, description, defaultValue, group } of flags) {
    const option = new Option(`${name} ${value}`, `${description} (default: ${formatDefault(defaultValue)})`);
    command.addOption(option.helpGroup(`${group}:`));
  }
  command
    .command('export')
    .description('write the weights of a checkpoint as a PyTorch state dict')
    .argument('<checkpoint>', 'a checkpoint, or the folder of a run for its newest one')
    .argument('<file>', 'ends in .pth or .safetensors')
    .action(async (checkpoint: string, file: string) => {
      await exportWeights(checkpoint, file);
      process.stdout.write(`weights: ${file}\n`);
    });
  command
    .command('report')
    .description('write the report of a run again')
    .argument('<run>', 'the folder of the run')
    .action(async (run: string) => {
      const folder = await findRun(run, '.', run);
      await writeReport(folder);
      process.stdout.write(`report: ${folder.report}\n`);
    });
  return command;
}

function commandLine(options: Record<string, unknown>): CommandLine {
  const given: Record<string, unknown> = {};
  for (const { field, parse } of flags) {
    const text = options[field];
    if (typeof text === 'string') given[field] = parse(text);
  }
  const { config, printConfig, resume } = options as Omit<CommandLine, 'given'>;
  return {
    given,
    ...(config !== undefined && { config }),
    ...(printConfig !== undefined && { printConfig }),
    ...(resume !== undefined && { resume }),
  };
}

async function runTraining({
  given: flagged,
  config: file,
  printConfig,
  resume,
}: CommandLine): Promise<void> {
  const given = { ...(file === undefined ? {} : await readConfigFile(file)), ...flagged };
  const fresh = resolveConfig(given);
  const folder =
    resume === undefined ? undefined : await findRun(resume, fresh.runs, fresh.name ?? fresh.preset);
  const config = folder === undefined ? fresh : resumedConfig(await readConfigFile(folder.config), given);
  if (printConfig) {
    process.stdout.write(`${JSON.stringify(config, null, 2)}\n`);
    return;
  }
  const line = progressLine(process.stdout);
  const signal = firstSignal(() =>
    line.onProgress({ kind: 'note', text: 'stopping after this iteration; once more stops at once' }),
  );
  let result: TrainResult;
  try {
    result = await train(config, {
      signal,
      onProgress: line.onProgress,
      command: [invocation, ...args.map(quoted)].join(' '),
      ...(folder !== undefined && { resume: folder }),
    });
  } finally {
    line.end();
  }
  process.stdout.write(`${ending(result)}\nreport: ${result.folder.report}\n`);
}

function ending({ reason, iteration, folder }: TrainResult): string {
  if (reason === 'completed') return `done: ${iteration} iterations in ${displayName(folder)}`;
  const again = `${invocation} --resume ${quoted(folder.path)}`;
  return `stopped (${reason}) at iteration ${iteration}; to go on: ${again}`;
}

/** Aborts at the first SIGINT or SIGTERM, and leaves the second to the system, which ends the process at once. */
function firstSignal(onSignal: () => void): AbortSignal {
  const controller = new AbortController();
  const names = ['SIGINT', 'SIGTERM'] as const;
  const stop = (): void => {
    for (const name of names) process.off(name, stop);
    onSignal();
    controller.abort();
  };
  for (const name of names) process.on(name, stop);
  return controller.signal;
}

function quoted(argument: string): string {
  return /^[\w./:=,@%+-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}

/** Prints what went wrong, and returns the exit code. Errors that were foreseen need no stack. */
function reportError(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
  if (error instanceof SrmcmcError || error instanceof PthError || error instanceof SafetensorsError) {
    process.stderr.write(`error: ${error.message}\n`);
    return error.code === 'INVALID_ARGUMENT' ? USAGE : FAILURE;
  }
  process.stderr.write(`unexpected error: ${error instanceof Error ? error.stack : String(error)}\n`);
  return FAILURE;
}
