/** Data sets as the flags ask for them. */
import { stat } from 'node:fs/promises';
import { listCheckpoints } from '@srmcmc/checkpoint';
import { type Dataset, InvalidArgumentError } from '@srmcmc/core';
import { type ImageFolderOptions, isImageFolder, leftOut, openDataset } from '@srmcmc/datasets';
import type { Context } from './context.ts';

export type Split = 'train' | 'test';

/** What may be asked of the images of a folder; flags have these names. */
export interface FolderOptions {
  /** Side that they are resized to. */
  readonly size?: number | undefined;
  /** Side of the centred square that is cut out before. */
  readonly crop?: number | undefined;
  /** Whether all are decoded at the start, and those that cannot be used left out. */
  readonly skipBad?: boolean | undefined;
}

export interface DataOptions extends FolderOptions {
  readonly split?: Split | undefined;
  readonly channels?: ImageFolderOptions['channels'] | undefined;
}

/** Whether images come without a shape of their own, so that they can be brought to that of others. */
export async function isFolderOfImages(source: string): Promise<boolean> {
  if ((await kindOf(source)) !== 'folder' || (await listCheckpoints(source)).length > 0) return false;
  return isImageFolder(source);
}

/** @throws InvalidArgumentError where something is asked of the images of folders and none of the sources is one. */
export async function requireFolder(sources: readonly string[], options: FolderOptions): Promise<void> {
  const field = (['size', 'crop', 'skipBad'] as const).find((name) => options[name]);
  if (field === undefined) return;
  const folders = await Promise.all(sources.map((source) => isFolderOfImages(nameAndSplit(source).name)));
  if (folders.includes(true)) return;
  const which = sources.length === 1 ? `${sources[0]} is none` : `of ${sources.join(', ')} none is one`;
  throw new InvalidArgumentError(field, `is for a folder of images, and ${which}: leave it out`);
}

/**
 * Opens a data set, once for a command: a folder of images as the options ask, any other as it is. What is left out is
 * said on stderr.
 *
 * @throws what `openDataset` throws.
 */
export async function openData(
  { opened = new Map(), stderr }: Context,
  name: string,
  { split, ...form }: DataOptions,
): Promise<Dataset> {
  const image = (await isFolderOfImages(name)) ? given(form) : undefined;
  const options = { ...(split && { split }), ...(image && { image }) };
  const id = JSON.stringify([name, options]);
  const known = opened.get(id);
  if (known !== undefined) return known;
  const dataset = await openDataset(name, options);
  const left = leftOut(dataset);
  // Of another size it is another data set, which lacks the same.
  const isSaid = [...opened.values()].some((other) => leftOut(other) === left);
  if (left !== undefined && !isSaid) stderr.write(`warning: ${left}\n`);
  opened.set(id, dataset);
  return dataset;
}

/** `cifar10:test` is the test split of cifar10. */
export function nameAndSplit(source: string): { name: string; split: Split | undefined } {
  const [, name, split] = /^(.*?)(?::(train|test))?$/s.exec(source) as unknown as [string, string, Split?];
  return { name, split };
}

export async function kindOf(path: string): Promise<'file' | 'folder' | undefined> {
  return stat(path).then(
    (found) => (found.isDirectory() ? 'folder' : 'file'),
    () => undefined,
  );
}

function given({ size, crop, skipBad, channels }: DataOptions): ImageFolderOptions {
  return {
    ...(size !== undefined && { size }),
    ...(crop !== undefined && { crop }),
    ...(channels !== undefined && { channels }),
    ...(skipBad && { skipBad }),
  };
}
