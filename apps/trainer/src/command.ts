/** The command line: flags to a configuration, a run to lines on the terminal, errors to exit codes. */
import { Command, CommanderError, Option } from 'commander';
import { hasMatrixInstructions } from '@srmcmc/backends';
import { SrmcmcError } from '@srmcmc/core';
import { requireValues } from '@srmcmc/flags';
import { PthError } from '@srmcmc/pth';
import { SafetensorsError } from '@srmcmc/safetensors';
import { type ConfigField, type GivenConfig, resolveConfig, resumedConfig } from './config.ts';
import { flags, formatDefault } from './flags.ts';
import { progressLine, type ProgressStream } from './progress.ts';
import { writeReport } from './report.ts';
import { findRun, readConfigFile } from './run-folder.ts';
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

export interface Terminal {
  readonly stdout: ProgressStream;
  readonly stderr: ProgressStream;
}

/**
 * Runs srmcmc-train with these arguments.
 *
 * @returns the exit code: 0 when all went well or the run was stopped on purpose, 2 when the command line or the
 * configuration cannot be used, 1 for everything else.
 */
export async function main(argv: readonly string[], terminal: Terminal): Promise<number> {
  // `pnpm train -- --seed 1` hands the dashes on; `pnpm train --seed 1` does not.
  const args = argv[0] === '--' ? argv.slice(1) : argv;
  try {
    await program(args, terminal).parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    return reportError(error, terminal.stderr);
  }
}

function program(args: readonly string[], { stdout, stderr }: Terminal): Command {
  const command = new Command('srmcmc-train')
    .description(
      'Learns an energy whose short-run Langevin chains generate images or points\n' +
        '(Nijkamp, Hill, Zhu, Wu: NeurIPS 2019). Without flags: CIFAR-10, with the preset quick on a processor with AMX\n' +
        'and the preset small on any other.',
    )
    .version(trainerVersion)
    .option('--config <file>', 'JSON file of fields, as --print-config prints them; flags override it')
    .option('--print-config', 'print the configuration that the flags give, and stop')
    .option('--resume [run]', 'go on with a run: its folder or name; default: the newest of --name')
    .configureHelp({ helpWidth: Math.min(stdout.columns ?? 110, 110) })
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .exitOverride()
    .action((options: Record<string, unknown>) => runTraining(commandLine(options), args, stdout));
  for (const { name, value, description, defaultValue, group } of flags) {
    const ending = defaultValue === null || value === '' ? '' : ` (default: ${formatDefault(defaultValue)})`;
    const option = new Option(`${name} ${value}`.trimEnd(), description + ending);
    command.addOption(option.helpGroup(`${group}:`));
  }
  requireValues(command);
  command
    .command('export')
    .description('write the weights of a checkpoint as a PyTorch state dict')
    .argument('<checkpoint>', 'a checkpoint, or the folder of a run for its newest one')
    .argument('<file>', 'ends in .pth or .safetensors')
    .action(async (checkpoint: string, file: string) => {
      await exportWeights(checkpoint, file);
      stdout.write(`weights: ${file}\n`);
    });
  command
    .command('report')
    .description('write the report of a run again')
    .argument('<run>', 'the folder of the run')
    .action(async (run: string) => {
      const folder = await findRun(run, '.', run);
      await writeReport(folder);
      stdout.write(`report: ${folder.report}\n`);
    });
  return command;
}

function commandLine(options: Record<string, unknown>): CommandLine {
  const given: Record<string, unknown> = {};
  for (const { field, parse } of flags) {
    const text = options[field];
    if (typeof text === 'string') given[field] = parse(text);
    else if (text === true) given[field] = true;
  }
  const { config, printConfig, resume } = options as Omit<CommandLine, 'given'>;
  return {
    given,
    ...(config !== undefined && { config }),
    ...(printConfig !== undefined && { printConfig }),
    ...(resume !== undefined && { resume }),
  };
}

async function runTraining(
  { given: flagged, config: file, printConfig, resume }: CommandLine,
  args: readonly string[],
  stdout: ProgressStream,
): Promise<void> {
  const given = { ...(file === undefined ? {} : await readConfigFile(file)), ...flagged };
  const preset = (await hasMatrixInstructions()) ? 'quick' : 'small';
  const fresh = resolveConfig({ preset, ...given });
  const folder =
    resume === undefined ? undefined : await findRun(resume, fresh.runs, fresh.name ?? fresh.preset);
  const config = folder === undefined ? fresh : resumedConfig(await readConfigFile(folder.config), given);
  if (printConfig) {
    stdout.write(`${JSON.stringify(config, null, 2)}\n`);
    return;
  }
  if (given.preset === undefined && folder === undefined && preset === 'small') {
    stdout.write("preset: small; quick, with the paper's net, is the default on processors with AMX\n");
  }
  const line = progressLine(stdout);
  const { signal, release } = firstSignal(() =>
    line.onProgress({ kind: 'note', text: 'stopping and saving; once more stops at once' }),
  );
  let result: TrainResult;
  try {
    result = await train(config, {
      signal,
      onProgress: line.onProgress,
      command: [invocation(), ...args.map(quoted)].join(' '),
      // A file of fields has all of them, as --print-config printed it; who types a flag means it.
      chosen: Object.keys(flagged) as ConfigField[],
      ...(folder !== undefined && { resume: folder }),
    });
  } finally {
    release();
    line.end();
  }
  stdout.write(`${ending(result)}\nreport: ${result.folder.report}\n`);
}

function ending({ reason, iteration, folder }: TrainResult): string {
  if (reason === 'completed') return `done: ${iteration} iterations in ${folder.path}`;
  const again = `${invocation()} --resume ${quoted(folder.path)}`;
  return `stopped (${reason}) at iteration ${iteration}; to go on: ${again}`;
}

/** Aborts at the first SIGINT, SIGTERM or SIGHUP, and leaves the second to the system, which ends the process at once. */
function firstSignal(onSignal: () => void): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const release = (): void => {
    for (const name of names) process.off(name, stop);
  };
  const stop = (): void => {
    release();
    onSignal();
    controller.abort();
  };
  for (const name of names) process.on(name, stop);
  return { signal: controller.signal, release };
}

/** How to start this program again, as the user did. */
function invocation(): string {
  // The README's command runs pnpm through npx: pnpm itself need not be installed.
  const pnpm = /^pnpm\/(\S+)/.exec(process.env.npm_config_user_agent ?? '')?.[1];
  const inRepository = process.env.npm_lifecycle_event === 'train' && pnpm !== undefined;
  return inRepository ? `npx --yes pnpm@${pnpm} train` : 'srmcmc-train';
}

function quoted(argument: string): string {
  return /^[\w./:=,@%+-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}

/** Prints what went wrong, and returns the exit code. Errors that were foreseen need no stack. */
function reportError(error: unknown, stderr: ProgressStream): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
  if (error instanceof SrmcmcError || error instanceof PthError || error instanceof SafetensorsError) {
    stderr.write(`error: ${error.message}\n`);
    return error.code === 'INVALID_ARGUMENT' ? USAGE : FAILURE;
  }
  stderr.write(`unexpected error: ${error instanceof Error ? error.stack : String(error)}\n`);
  return FAILURE;
}
