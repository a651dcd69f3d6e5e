/** Images that are measured: samples of a model, a data set, a folder or an array. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { listCheckpoints } from '@srmcmc/checkpoint';
import {
  type Dataset,
  foldIn,
  InvalidArgumentError,
  InvalidShapeError,
  key as keyOf,
  MissingDataError,
  permutation,
} from '@srmcmc/core';
import { arrayDataset, type ImageFolder } from '@srmcmc/datasets';
import { type ImageBatch, readNpz } from '@srmcmc/metrics';
import { type Context, defaultBatch } from './context.ts';
import { type DataOptions, kindOf, nameAndSplit, openData } from './data.ts';
import { type Model, openModel } from './model.ts';
import { toBytes } from './pixels.ts';
import { sampleBatches } from './sampling.ts';
import { readTensorFile } from './tensor-file.ts';

export interface ImageSet {
  /** What was drawn or read, and how, for reports. */
  readonly about: Readonly<Record<string, string | number | boolean>>;
  readonly count: number;
  /** [height, width, channels] */
  readonly shape: readonly number[];
  /** By what the images are known again; equal where they are equal. */
  readonly identity: object;
  /**
   * Bytes, batch after batch, from an image on with which a batch begins; `onProgress` is told the number of images so far.
   */
  batches(onProgress: (images: number) => void, from?: number): AsyncIterable<ImageBatch>;
}

export interface ImageSetOptions {
  /** Samples to draw; of data at most as many, a random choice. Undefined: all of the data. */
  readonly count?: number | undefined;
  /** Decides the samples, and the choice of data. */
  readonly seed: number;
  /** Of the images of a folder. */
  readonly size?: number | undefined;
  readonly skipBad?: boolean | undefined;
  /** Of models: K, chains run together, and whether the step noise is off. */
  readonly steps?: number | undefined;
  readonly batch?: number | undefined;
  readonly noiseOff: boolean;
}

const READ_AT_ONCE = 64;
/** Folded into the key of the seed; samples use its splits. */
const CHOICE_KEY = 1;
const FINGERPRINT_EXAMPLES = 16;

/** Whether a path is a file of statistics: an .npz or safetensors with `mu` and `sigma`. */
export async function isStatistics(path: string): Promise<boolean> {
  const extension = extname(path).toLowerCase();
  if (extension === '.npz') {
    if ((await kindOf(path)) !== 'file') throw new MissingDataError(`there is no file at ${path}`);
    return (await readNpz(path)).has('mu');
  }
  if (extension !== '.safetensors') return false;
  const { tensors } = await readTensorFile(path);
  return tensors.has('mu') && tensors.has('sigma');
}

/**
 * Opens a model (a checkpoint, a run's folder, weights) or data: what `openDataset` takes, with `:test` after the name
 * for the test split.
 *
 * @throws InvalidShapeError where samples or examples are no images; what `openModel` and `openDataset` throw.
 */
export async function openImages(
  context: Context,
  source: string,
  options: ImageSetOptions,
): Promise<ImageSet> {
  return (await isModel(source))
    ? modelImages(context, await openModel(source), options)
    : dataImages(context, source, options);
}

/** All of the images, bytes. */
export async function imagesOf(
  set: ImageSet,
  onProgress: (images: number) => void = () => undefined,
): Promise<Uint8Array[]> {
  const images: Uint8Array[] = [];
  for await (const { values, shape } of set.batches(onProgress)) {
    const stride = values.length / shape[0]!;
    for (let i = 0; i < shape[0]!; i++) {
      images.push((values as Uint8Array).subarray(i * stride, (i + 1) * stride));
    }
  }
  return images;
}

async function isModel(source: string): Promise<boolean> {
  if (['.pth', '.safetensors'].includes(extname(source).toLowerCase())) return true;
  return (await listCheckpoints(source)).length > 0;
}

async function modelImages(context: Context, model: Model, options: ImageSetOptions): Promise<ImageSet> {
  for (const warning of model.warnings) context.stderr.write(`warning: ${warning}\n`);
  const { count, seed, noiseOff } = options;
  const { path, iteration, energy } = model;
  const shape = energy.eventShape;
  requireImages(path, shape);
  if (count === undefined) throw new InvalidArgumentError('count', `say how many samples of ${path} to draw`);
  const steps = options.steps ?? model.sampler.steps;
  const batch = options.batch ?? defaultBatch(model);
  return {
    identity: {
      model: createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
      sampler: model.sampler,
      ...{ count, steps, seed, batch, noise: !noiseOff },
    },
    about: {
      model: path,
      ...(iteration !== undefined && { iteration }),
      samples: count,
      steps,
      seed,
      noise: !noiseOff,
    },
    count,
    shape,
    async *batches(onProgress, from = 0) {
      const sampling = {
        count,
        from,
        steps,
        seed,
        batch,
        noise: !noiseOff,
        signal: context.signal,
        onProgress,
      };
      for await (const { count: n, values } of sampleBatches(model, sampling)) {
        yield { values: toBytes(values), shape: [n, ...shape] };
      }
    },
  };
}

async function dataImages(context: Context, source: string, options: ImageSetOptions): Promise<ImageSet> {
  const { size, skipBad, seed } = options;
  const { name, split } = nameAndSplit(source);
  const dataset = await openArrays(context, name, { split, size, skipBad });
  const { files, skipped = [] } = dataset as Partial<ImageFolder>;
  const resized = files && size;
  requireImages(dataset.name, dataset.shape);
  const count = Math.min(options.count ?? dataset.size, dataset.size);
  const order =
    count === dataset.size ? undefined : permutation(foldIn(keyOf(seed), CHOICE_KEY), dataset.size);
  const about = {
    data: source,
    examples: count,
    of: dataset.size,
    ...(skipped.length > 0 && { leftOut: skipped.length }),
    ...(order && { seed }),
    ...(resized !== undefined && { resizedTo: resized }),
  };
  return {
    about,
    count,
    shape: dataset.shape,
    identity: { ...about, shape: dataset.shape, content: await fingerprint(dataset, files ?? [name]) },
    async *batches(onProgress, from = 0) {
      for (let first = from; first < count; first += READ_AT_ONCE) {
        context.signal.throwIfAborted();
        const n = Math.min(READ_AT_ONCE, count - first);
        const indices = Uint32Array.from({ length: n }, (_, i) => order?.[first + i] ?? first + i);
        yield { values: await bytesOf(dataset, indices), shape: [n, ...dataset.shape] };
        onProgress(first + n);
      }
    },
  };
}

async function openArrays(context: Context, name: string, options: DataOptions): Promise<Dataset> {
  if (extname(name).toLowerCase() === '.npz') return npzImages(name);
  try {
    return await openData(context, name, options);
  } catch (error) {
    // The package speaks of its own option.
    if (error instanceof InvalidShapeError && options.size === undefined) {
      const problem = error.message.replace(/: give imageSide.*$/s, '');
      throw new InvalidArgumentError(name, `its images differ: ${problem}; --size resizes all`);
    }
    throw error;
  }
}

/**
 * The images of an .npz as guided-diffusion and others write it: its one array [n, height, width, channels], or, where it
 * has none, [n, height, width].
 */
async function npzImages(path: string): Promise<Dataset> {
  const arrays = [...(await readNpz(path))];
  const withAxes = (axes: number) => arrays.filter(([, { shape }]) => shape.length === axes);
  const found = withAxes(4).length > 0 ? withAxes(4) : withAxes(3);
  if (found.length !== 1) {
    const names = arrays.map(([name, { shape }]) => `${name} [${shape.join(', ')}]`).join(', ');
    throw new InvalidArgumentError(
      path,
      `must hold one array [n, height, width, channels] or [n, height, width]; it has ${names || 'no arrays'}`,
    );
  }
  const [, { shape, values }] = found[0]!;
  return arrayDataset({
    name: basename(path, '.npz'),
    shape: shape.slice(1),
    values: values instanceof Uint8Array ? values : Float32Array.from(values),
  });
}

/** Changes where the files do, or where one of a few examples does. */
async function fingerprint(dataset: Dataset, files: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) {
    const found = await stat(file).catch(() => undefined);
    if (found?.isFile()) hash.update(`${file} ${found.size} ${found.mtimeMs}\n`);
  }
  const few = Math.min(FINGERPRINT_EXAMPLES, dataset.size);
  const indices = Uint32Array.from({ length: few }, (_, i) => Math.floor((i * dataset.size) / few));
  return hash.update(await bytesOf(dataset, indices)).digest('hex');
}

async function bytesOf(dataset: Dataset, indices: Uint32Array): Promise<Uint8Array> {
  const values = await dataset.gather(indices);
  return values instanceof Uint8Array ? values : toBytes(values);
}

function requireImages(name: string, shape: readonly number[]): void {
  if (shape.length !== 3) {
    throw new InvalidShapeError(name, ['height', 'width', 'channels'], shape, 'see `moments` for points');
  }
}
