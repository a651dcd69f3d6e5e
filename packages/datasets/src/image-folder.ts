/** Any folder of images as a data set: CelebA, LSUN, one's own. Decoded when asked for, several at a time. */
import { readdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, extname, join, resolve } from 'node:path';
import {
  CorruptDataError,
  type Dataset,
  elements,
  InvalidArgumentError,
  InvalidShapeError,
  MissingDataError,
  requireInteger,
} from '@srmcmc/core';
import { requireExamples, requireSubset } from './array.ts';
import { decodeImage, headerShape, type ImageForm } from './decode-image.ts';
import { kindOf, messageOf } from './files.ts';

/**
 * How published experiments cut these data sets.
 * - `celeba64`: the aligned and cropped CelebA (178×218); its centre 108×108, then 64×64, as the TensorFlow DCGAN
 *   that papers of the time compared with. Others crop 140 (Song and Ermon 2019), 160 (Lucic et al. 2018) or 178;
 *   FIDs of different crops cannot be compared. `crop` overrides it.
 * - `lsun64`: the largest centred square, then 64×64.
 */
export type ImagePreset = keyof typeof PRESETS;

const PRESETS = {
  celeba64: { crop: 108, size: 64 },
  lsun64: { crop: 'square', size: 64 },
} as const;

export interface ImageFolderOptions {
  readonly preset?: ImagePreset;
  /** A centred square: as large as fits ('square', the default where there is a `size`), or of this side. */
  readonly crop?: 'square' | number;
  /** Side of the images after the crop, by Lanczos resampling. Default: not resized. */
  readonly size?: number;
  /** 3 (the default): grey images get three equal channels. 1: colours become luminance. */
  readonly channels?: 1 | 3;
  /** Decodes every file once when opened and leaves out those that fail. Default: the first bad header throws. */
  readonly skipBad?: boolean;
  /** Only the first images, in the order of their paths. */
  readonly subset?: number;
}

export interface ImageFolder extends Dataset {
  readonly dtype: 'uint8';
  /** Path of every example. */
  readonly files: readonly string[];
  /** What `skipBad` left out. */
  readonly skipped: readonly SkippedImage[];
  gather(indices: ArrayLike<number>): Promise<Uint8Array>;
}

export interface SkippedImage {
  readonly file: string;
  readonly reason: string;
}

/**
 * The PNG, JPEG and WebP images under a folder, at any depth, in the order of their paths. Orientation tags are
 * applied, transparency is laid on white, CMYK and 16-bit images become 8-bit sRGB.
 *
 * Without `crop` and `size` all images must have one shape. The headers of all files are read when the folder is
 * opened, 1,000 to 2,500 of CelebA's size a second on two cores; of more than 20,000 files only 2,000, evenly
 * spread from the first on. Opening throws CorruptDataError or InvalidShapeError for the first that is no image,
 * has another shape, or is smaller than the crop. `gather` throws the same for what a header does not tell, such
 * as a PNG or JPEG that is cut short: of several, for the first of the indices. All name the file.
 *
 * @throws MissingDataError where there is no such folder or it has no images, InvalidArgumentError where there
 * are fewer than `subset`.
 */
export async function imageFolder(path: string, options: ImageFolderOptions = {}): Promise<ImageFolder> {
  const form = imageForm(options);
  const found = await listImages(path);
  const count = options.subset;
  if (count !== undefined) requireSubset(path, count, found.length);

  const shape = await exampleShape(found, form, options.skipBad === true);
  const { files, skipped } = options.skipBad
    ? await withoutBad(found, form, shape, count)
    : { files: await withGoodHeaders(found.slice(0, count), form, shape), skipped: [] };
  if (count !== undefined)
    requireSubset(`${path} (without ${skipped.length} bad files)`, count, files.length);

  const name = basename(resolve(path));
  return {
    name,
    shape,
    size: files.length,
    dtype: 'uint8',
    files,
    skipped,
    async gather(indices) {
      requireExamples(name, indices, files.length);
      const stride = elements(shape);
      const out = new Uint8Array(indices.length * stride);
      await eachDecoded(indices.length, async (i) => {
        out.set(await decodeAs(shape, files[indices[i]!]!, form), i * stride);
      });
      return out;
    },
  };
}

/** What `skipBad` has left out of a data set, in a line; undefined where that is nothing. */
export function leftOut(dataset: Dataset): string | undefined {
  const { skipped = [], size } = dataset as Partial<ImageFolder> & Dataset;
  const [first] = skipped;
  if (first === undefined) return undefined;
  return `${skipped.length} of ${size + skipped.length} images left out, the first ${first.file}`;
}

/** Enough to keep libuv's threads and every core busy, few enough that memory stays bounded. */
const DECODERS = 2 * availableParallelism();
const EXTENSIONS = new Set(['.png', '.jpg', '.jpeg', '.webp']);

function imageForm(options: ImageFolderOptions): ImageForm {
  const { preset, skipBad: _, subset: __, ...own } = options;
  const chosen = preset === undefined ? {} : PRESETS[preset];
  if (chosen === undefined) {
    throw new InvalidArgumentError('preset', `one of ${Object.keys(PRESETS).join(', ')}, got '${preset}'`);
  }
  const { crop, size, channels = 3 } = { ...chosen, ...own };
  if (typeof crop === 'number') requireInteger('crop', crop, 1);
  else if (crop !== undefined && crop !== 'square') {
    throw new InvalidArgumentError('crop', `'square' or a number of pixels, got ${String(crop)}`);
  }
  if (size !== undefined) requireInteger('size', size, 1);
  if (channels !== 1 && channels !== 3) throw new InvalidArgumentError('channels', `1 or 3, got ${channels}`);
  const square = crop ?? (size === undefined ? undefined : 'square');
  return { crop: square, size, channels };
}

async function listImages(path: string): Promise<string[]> {
  let entries: string[];
  try {
    entries = await filesUnder(path);
  } catch (cause) {
    throw new MissingDataError(`${path} cannot be read as a folder: ${messageOf(cause)}`, { cause });
  }
  // Names with a leading dot are not images: macOS leaves `._photo.jpg` behind in archives.
  const files = entries.filter(
    (entry) => EXTENSIONS.has(extname(entry).toLowerCase()) && !basename(entry).startsWith('.'),
  );
  if (files.length === 0) throw new MissingDataError(`${path} has no .png, .jpg, .jpeg or .webp files in it`);
  // By code units, not by the locale: the same folder must give the same numbering on every machine.
  return files.sort().map((file) => join(path, file));
}

/**
 * Paths below `path` of what is no folder. readdir's own `recursive` names folders too, or else does not look behind
 * links to them.
 */
async function filesUnder(path: string, below = ''): Promise<string[]> {
  const files: string[] = [];
  for (const entry of await readdir(join(path, below), { withFileTypes: true })) {
    const name = join(below, entry.name);
    const isFolder =
      entry.isDirectory() || (entry.isSymbolicLink() && (await kindOf(join(path, name))) === 'folder');
    if (isFolder) files.push(...(await filesUnder(path, name)));
    else files.push(name);
  }
  return files;
}

/** A square's side where the form decides it, otherwise the shape of the first image, with `skipBad` the first good one. */
async function exampleShape(
  files: readonly string[],
  form: ImageForm,
  skipBad: boolean,
): Promise<readonly [number, number, number]> {
  const side = form.size ?? (typeof form.crop === 'number' ? form.crop : undefined);
  if (side !== undefined) return [side, side, form.channels];
  let failure: unknown;
  for (const file of files) {
    try {
      return skipBad ? (await decodeImage(file, form)).shape : await headerShape(file, form);
    } catch (error) {
      failure = error;
      if (!skipBad) break;
    }
  }
  throw failure;
}

async function decodeAs(shape: readonly number[], file: string, form: ImageForm): Promise<Uint8Array> {
  const image = await decodeImage(file, form);
  requireShape(file, shape, image.shape);
  return image.pixels;
}

function requireShape(file: string, expected: readonly number[], actual: readonly number[]): void {
  if (expected.every((size, axis) => size === actual[axis])) return;
  const remedy = 'give imageSide (--image-side) to resize, or size to imageFolder';
  throw new InvalidShapeError(file, expected, actual, remedy);
}

/** The same files; throws for the first whose header is bad. */
async function withGoodHeaders(
  files: readonly string[],
  form: ImageForm,
  shape: readonly number[],
): Promise<readonly string[]> {
  const checked = files.length > MOST_CHECKED ? spread(files, SPREAD) : files;
  for (let start = 0; start < checked.length; start += VERIFIED_TOGETHER) {
    const failures = await failuresOf(checked.slice(start, start + VERIFIED_TOGETHER), async (file) =>
      requireShape(file, shape, await headerShape(file, form)),
    );
    const first = failures.find((failure) => failure !== undefined);
    if (first !== undefined) throw first.error;
  }
  return files;
}

/** `count` of the files, at equal distances from the first on. */
function spread(files: readonly string[], count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => files[Math.floor((i * files.length) / count)]!);
}

/** Decodes files in order until `count` of them were good. */
async function withoutBad(
  found: readonly string[],
  form: ImageForm,
  shape: readonly number[],
  count = Infinity,
): Promise<{ files: string[]; skipped: SkippedImage[] }> {
  const files: string[] = [];
  const skipped: SkippedImage[] = [];
  for (let start = 0; start < found.length && files.length < count; start += VERIFIED_TOGETHER) {
    const group = found.slice(start, start + VERIFIED_TOGETHER);
    const failures = await failuresOf(group, (file) => decodeAs(shape, file, form));
    for (let i = 0; i < group.length && files.length < count; i++) {
      const failure = failures[i];
      if (failure === undefined) files.push(group[i]!);
      else skipped.push({ file: group[i]!, reason: messageOf(failure.error) });
    }
  }
  if (files.length === 0) {
    throw new CorruptDataError(
      `none of ${found.length} images can be used; the first: ${skipped[0]!.reason}`,
    );
  }
  return { files, skipped };
}

const VERIFIED_TOGETHER = 256;
/** Of larger folders the headers of `SPREAD` files stand for all. */
const MOST_CHECKED = 20_000;
const SPREAD = 2000;

interface Failure {
  readonly error: unknown;
}

/** What `work` throws for each file; undefined where it goes well. */
async function failuresOf(
  files: readonly string[],
  work: (file: string) => Promise<unknown>,
): Promise<(Failure | undefined)[]> {
  const failures: (Failure | undefined)[] = files.map(() => undefined);
  await eachAtMost(DECODERS, files.length, async (i) => {
    failures[i] = await failureOf(() => work(files[i]!));
  });
  for (let i = 0; i < files.length; i++) {
    if (failures[i] !== undefined) failures[i] = await failureAlone(failures[i]!, () => work(files[i]!));
  }
  return failures;
}

async function failureOf(work: () => Promise<unknown>): Promise<Failure | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return { error };
  }
}

/**
 * The failure again, while nothing else is decoded. libvips keeps its messages in one buffer for all threads, so that of
 * several images that fail at once one is told the reasons of all and the others 'Unknown error'.
 */
async function failureAlone(failure: Failure, work: () => Promise<unknown>): Promise<Failure> {
  return (await failureOf(work)) ?? failure;
}

/**
 * Decodes `work(0)` to `work(count - 1)`, several at once; begins no more after a failure, and throws the first by
 * number: all before one that fails have begun.
 */
async function eachDecoded(count: number, work: (i: number) => Promise<void>): Promise<void> {
  let first: { at: number; failure?: Failure } = { at: count };
  await eachAtMost(DECODERS, count, async (i) => {
    if (first.failure !== undefined) return;
    const failure = await failureOf(() => work(i));
    if (failure !== undefined && i < first.at) first = { at: i, failure };
  });
  const { at, failure } = first;
  if (failure !== undefined) throw (await failureAlone(failure, () => work(at))).error;
}

/** Runs `work(0)` to `work(count - 1)`, never more than `limit` at once. */
async function eachAtMost(limit: number, count: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(limit, count) }, worker));
}
