/** What a command is given by the program round it. */
import { type BackendRequest, describeBackend, type Precision, selectBackend } from '@srmcmc/backends';
import { type Dataset, InvalidShapeError } from '@srmcmc/core';
import type { GridShape } from '@srmcmc/figures';
import { type Model, openModel } from './model.ts';
import type { TextOutput } from './progress.ts';

export interface Context {
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  /** The program's arguments, for reports. */
  readonly args?: readonly string[];
  /** Where features are kept, so that an evaluation that was interrupted goes on; undefined keeps none. */
  readonly cacheFolder?: string | undefined;
  /** How many images' features lie there for another try, by what images they are. */
  readonly kept?: Map<string, number>;
  /** Data sets of the command, by what was asked for: some are read by several parts of it. */
  readonly opened?: Map<string, Dataset>;
  /** Aborted when the user asks to stop. */
  readonly signal: AbortSignal;
}

/** What computes, and what chains are computed in. */
export interface BackendFlags {
  readonly backend: BackendRequest;
  readonly precision?: Precision;
}

/** Smooth densities show the rounding of lower precisions, and points are quick. */
export const POINTS_PRECISION = 'float32';

/** Selects the backend, says on stderr which it is, and returns its description. */
export async function useBackend(context: Context, { backend, precision }: BackendFlags): Promise<string> {
  const choice = await selectBackend(backend, { precision });
  context.stderr.write(`${describeBackend(choice)}\n`);
  return choice.label;
}

/** Selects the backend, reads the model, and says on stderr what was found. */
export async function openModelFor(context: Context, path: string, flags: BackendFlags): Promise<Model> {
  await useBackend(context, flags);
  const model = await openModel(path);
  for (const warning of model.warnings) context.stderr.write(`warning: ${warning}\n`);
  return model;
}

const IMAGES_AT_ONCE = 32;
const POINTS_AT_ONCE = 4096;

/** How many chains run together unless the user says: images fill a backend sooner than points. */
export function defaultBatch({ energy }: Model): number {
  return energy.eventShape.length === 1 ? POINTS_AT_ONCE : IMAGES_AT_ONCE;
}

/** Of points on a line or in the plane, not of images. */
export function isOfPoints({ energy: { eventShape } }: Model): boolean {
  return eventShape.length === 1 && eventShape[0]! <= 2;
}

/** The shape of a model's images. @throws InvalidShapeError for a model of points. */
export function requireImageModel({ path, energy: { eventShape } }: Model): GridShape {
  if (eventShape.length !== 3) {
    throw new InvalidShapeError(
      path,
      ['height', 'width', 'channels'],
      eventShape,
      'a model of images is needed',
    );
  }
  return eventShape as GridShape;
}
