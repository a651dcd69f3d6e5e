/** The program: its commands, and what becomes of their errors. */
import { requireWritable } from '@srmcmc/checkpoint';
import { InvalidArgumentError, SrmcmcError } from '@srmcmc/core';
import { PthError } from '@srmcmc/pth';
import { SafetensorsError } from '@srmcmc/safetensors';
import { Command, CommanderError } from 'commander';
import type { z } from 'zod';
import { classifierCommand, classifierFlags } from './commands/classifier.ts';
import { compare, compareFlags } from './commands/compare.ts';
import { grid, gridFlags } from './commands/grid.ts';
import { inspect, inspectFlags } from './commands/inspect.ts';
import { interpolate, interpolateFlags } from './commands/interpolate.ts';
import { metrics, metricsFlags } from './commands/metrics.ts';
import { moments, momentsFlags } from './commands/moments.ts';
import { reconstruct, reconstructFlags } from './commands/reconstruct.ts';
import { samples, samplesFlags } from './commands/samples.ts';
import { stats, statsFlags } from './commands/stats.ts';
import { toy, toyFlags } from './commands/toy.ts';
import { varyKFlags } from './commands/vary-k-flags.ts';
import { varyK } from './commands/vary-k.ts';
import type { Context } from './context.ts';
import { addFlags, outputsIn, readFlags, USAGE_ERROR } from './flags.ts';
import { VERSION } from './software.ts';

const FAILURE = 1;
/** What shells give for a program that SIGINT ended. */
const INTERRUPTED = 130;
const MODEL = 'a checkpoint, the folder of a run, or weights (.pth or .safetensors)';
const IMAGES =
  'a model, a folder of images, an .npy or .npz file, statistics, or the name of a data set, `cifar10:test` for its test split';
const CIFAR10 = '`cifar10`, or a folder or archive of it';
const TOY = 'the name of a toy, which is learned, or a checkpoint or the folder of a run that learned one';
const VARIED = `${MODEL}, of images or points; or the name of a toy, which is learned`;
const SEVERAL = `each ${IMAGES}; or a result that metrics or compare wrote (.json)`;

/** Runs one command and returns the exit code: 0, 1 for a failure, 2 for a wrong call, 130 when it was stopped. */
export async function main(args: readonly string[], given: Context): Promise<number> {
  const context: Context = { ...given, args, kept: new Map(), opened: new Map() };
  try {
    await program(context).parseAsync([...args], { from: 'user' });
    return 0;
  } catch (error) {
    return exitCodeOf(error, context);
  }
}

function program(context: Context): Command {
  const root = new Command('srmcmc-eval')
    .description('Draw from, compare and look into generators that were learned by short-run MCMC')
    .version(VERSION)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
    });
  const add = <S extends z.ZodObject>(
    name: string,
    description: string,
    argument: string,
    schema: S,
    run: (context: Context, path: string, flags: z.output<S>) => Promise<void>,
  ): void => {
    const command = root.command(name).description(description).argument('<path>', argument);
    addFlags(command, schema).action((path: string) =>
      runCommand(command, schema, (flags) => run(context, path, flags)),
    );
  };
  const addForSeveral = <S extends z.ZodObject>(
    name: string,
    description: string,
    argument: string,
    schema: S,
    run: (context: Context, paths: readonly string[], flags: z.output<S>) => Promise<void>,
  ): void => {
    const command = root.command(name).description(description).argument('<paths...>', argument);
    addFlags(command, schema).action((paths: string[]) =>
      runCommand(command, schema, (flags) => run(context, paths, flags)),
    );
  };
  add('samples', 'draw samples into a picture or an array', MODEL, samplesFlags, samples);
  add('moments', 'compare samples with data, with error bars', MODEL, momentsFlags, moments);
  add('metrics', 'measure how far images are from a reference', IMAGES, metricsFlags, metrics);
  addForSeveral('compare', 'measure several sets of images alike', SEVERAL, compareFlags, compare);
  add('stats', 'compute the statistics of a reference once', IMAGES, statsFlags, stats);
  addForSeveral('grid', 'draw images of one source or several', IMAGES, gridFlags, grid);
  add(
    'classifier',
    'learn the classifier of --features classifier',
    CIFAR10,
    classifierFlags,
    classifierCommand,
  );
  add('interpolate', 'draw images along paths between latents', MODEL, interpolateFlags, interpolate);
  add('reconstruct', 'find the latents of held-out images', MODEL, reconstructFlags, reconstruct);
  add('vary-k', 'run the same chains for fewer and more steps than learned', VARIED, varyKFlags, varyK);
  add('toy-1d', 'compare what an energy learned of a density on the line', TOY, toyFlags, toy(1));
  add('toy-2d', 'compare what an energy learned of a density in the plane', TOY, toyFlags, toy(2));
  add('inspect', 'print what is in a checkpoint or a file of weights', MODEL, inspectFlags, inspect);
  return root;
}

/** Files that cannot be written are known before the work; a value of a flag that turns out wrong later is a wrong call too. */
async function runCommand<S extends z.ZodObject>(
  command: Command,
  schema: S,
  run: (flags: z.output<S>) => Promise<void>,
): Promise<void> {
  const flags = readFlags(command, schema);
  for (const output of outputsIn(flags)) await requireWritable(output);
  try {
    await run(flags);
  } catch (error) {
    const isOfCall =
      error instanceof InvalidArgumentError && (error.field === 'path' || error.field in schema.shape);
    if (!isOfCall) throw error;
    command.error(`error: ${inOneLine(error)}`, { exitCode: USAGE_ERROR });
  }
}

function inOneLine({ message }: Error): string {
  return message.replace(/\s*\n\s*/g, ' ');
}

function exitCodeOf(error: unknown, { stderr, signal, kept }: Context): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_ERROR;
  if (signal.aborted) {
    stderr.write(`stopped: ${leftBehind(kept)}\n`);
    return INTERRUPTED;
  }
  const isForeseen =
    error instanceof SrmcmcError || error instanceof SafetensorsError || error instanceof PthError;
  // The stack of an error that nobody foresaw is what its report needs.
  const text = isForeseen ? inOneLine(error) : ((error as Error).stack ?? String(error));
  stderr.write(`error: ${text}\n`);
  return FAILURE;
}

function leftBehind(kept: Context['kept'] = new Map()): string {
  const images = [...kept.values()].reduce((sum, count) => sum + count, 0);
  return images === 0
    ? 'nothing was written'
    : `no result was written; the features of ${images} images are kept, and the same command goes on from there`;
}
