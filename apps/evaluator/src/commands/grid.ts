/** `grid`: images of one source, or of several beside each other, in one picture. */
import { extname } from 'node:path';
import { InvalidArgumentError } from '@srmcmc/core';
import { type GridShape, ImageGrid, imageTable } from '@srmcmc/figures';
import { z } from 'zod';
import { type Context, useBackend } from '../context.ts';
import { requireFolder } from '../data.ts';
import { type ImageSet, imagesOf } from '../image-set.ts';
import { writeImageGrid } from '../pictures/image-grid-file.ts';
import { writePicture } from '../pictures/picture-file.ts';
import { progress } from '../progress.ts';
import { openSubjects } from '../subjects.ts';
import { shortName } from '../words.ts';
import { folderFlags } from './folder-flags.ts';
import { samplingFlags } from './sampling-flags.ts';

const { size, skipBad } = folderFlags;

export const gridFlags = z.object({
  out: z
    .string()
    .regex(/\.(png|svg)$/i, 'must end in .png or, for several sources, .svg')
    .describe('picture to write: .png, of several sources also .svg'),
  count: z.int().min(1).optional().describe('images of each source; default: 64, of several sources 10'),
  columns: z
    .int()
    .min(1)
    .optional()
    .describe('images a row; default: such that rows are full, of several sources 10'),
  size,
  skipBad,
  ...samplingFlags,
});

type GridFlags = z.output<typeof gridFlags>;

const COUNT = 64;
/** Of several sources, where a row each is easiest to compare. */
const ROW = 10;

/** Draws samples of models, and random choices of data, into a picture. */
export async function grid(context: Context, paths: readonly string[], flags: GridFlags): Promise<void> {
  const isTable = paths.length > 1;
  const { out, columns, seed } = flags;
  if (!isTable && extname(out).toLowerCase() === '.svg') {
    throw new InvalidArgumentError('out', 'a picture of one source is .png: choose that name');
  }
  await requireFolder(paths, flags);
  await useBackend(context, flags);
  const sets = await openAll(context, paths, { ...flags, count: flags.count ?? (isTable ? ROW : COUNT) });
  const shape = sets[0]!.shape as GridShape;
  const picture = isTable ? undefined : new ImageGrid(shape, sets[0]!.count, columns);
  const read: Uint8Array[][] = [];
  for (const [i, set] of sets.entries()) {
    const line = progress(context.stderr, isTable ? `images of ${paths[i]}` : 'images', set.count);
    read.push(await imagesOf(set, line.at).finally(line.end));
  }
  if (picture === undefined) {
    const rows = read.flatMap((images, i) => rowsOf(paths[i]!, sets[i]!, images, columns ?? ROW));
    await writePicture(
      out,
      await imageTable({ title: `A random choice of each, seed ${seed}`, shape, rows }),
    );
  } else {
    const [images] = read as [Uint8Array[]];
    await writeImageGrid(out, picture, Buffer.concat(images), images.length);
  }
  const contents = read.map((images, i) => `${images.length} of ${paths[i]}`).join(', ');
  context.stdout.write(`${out}: ${contents}, seed ${seed}\n`);
}

async function openAll(
  context: Context,
  paths: readonly string[],
  options: GridFlags & { count: number },
): Promise<ImageSet[]> {
  const subjects = await openSubjects(context, paths, options);
  return subjects.map((subject) => {
    if (subject.kind === 'images') return subject.images;
    throw new InvalidArgumentError('path', `${subject.name} holds statistics, which have no images to show`);
  });
}

/** The first says whose images they are. */
function rowsOf(name: string, { about }: ImageSet, images: readonly Uint8Array[], columns: number) {
  const { iteration, steps, of } = about;
  const learned = iteration === undefined ? '' : `, ${iteration} iterations`;
  const note = steps === undefined ? `of ${of} images` : `K = ${steps}${learned}`;
  return Array.from({ length: Math.ceil(images.length / columns) }, (_, row) => ({
    ...(row === 0 ? { label: shortName(name), note } : { label: '' }),
    images: images.slice(row * columns, (row + 1) * columns),
  }));
}
