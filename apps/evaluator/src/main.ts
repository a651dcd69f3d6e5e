/** The program: its commands, and what becomes of their errors. */
import { SrmcmcError } from '@srmcmc/core';
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
import { addFlags, readFlags, USAGE_ERROR } from './flags.ts';

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
export async function main(args: readonly string[], context: Context): Promise<number> {
  try {
    await program({ ...context, args }).parseAsync([...args], { from: 'user' });
    return 0;
  } catch (error) {
    return exitCodeOf(error, context);
  }
}

function program(context: Context): Command {
  const root = new Command('srmcmc-eval')
    .description('Draw from, compare and look into generators that were learned by short-run MCMC')
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
    addFlags(command, schema).action((path: string) => run(context, path, readFlags(command, schema)));
  };
  const addForSeveral = <S extends z.ZodObject>(
    name: string,
    description: string,
    argument: string,
    schema: S,
    run: (context: Context, paths: readonly string[], flags: z.output<S>) => Promise<void>,
  ): void => {
    const command = root.command(name).description(description).argument('<paths...>', argument);
    addFlags(command, schema).action((paths: string[]) => run(context, paths, readFlags(command, schema)));
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

function exitCodeOf(error: unknown, { stderr, signal }: Context): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_ERROR;
  if (signal.aborted) {
    stderr.write('stopped: nothing was written\n');
    return INTERRUPTED;
  }
  const isForeseen =
    error instanceof SrmcmcError || error instanceof SafetensorsError || error instanceof PthError;
  // The stack of an error that nobody foresaw is what its report needs.
  const text = isForeseen
    ? error.message.replace(/\s*\n\s*/g, ' ')
    : ((error as Error).stack ?? String(error));
  stderr.write(`error: ${text}\n`);
  return FAILURE;
}
