/** Arrays saved by numpy (`.npy`, format versions 1 to 3) as data sets. */
import { basename } from 'node:path';
import { CorruptDataError, type Dataset, elements } from '@srmcmc/core';
import { arrayDataset, subset } from './array.ts';
import { readData } from './files.ts';

export interface NpyArrayOptions {
  readonly subset?: number;
}

/**
 * An array `[n, height, width, channels]`, `[n, height, width]` for grey images, or `[n, dimension]`, one example a row:
 * uint8 (images) or float32 (points, or images in [-1, 1]), whose values are used as they are.
 *
 * @throws MissingDataError, CorruptDataError for a file that is cut short, is no .npy file, is of another type or in
 * Fortran order, or holds values that `arrayDataset` refuses; InvalidShapeError for one that holds no examples.
 */
export async function npyArray(path: string, options: NpyArrayOptions = {}): Promise<Dataset> {
  const bytes = await readData(path);
  const { descr, fortranOrder, shape, dataStart } = readHeader(bytes, path);
  const itemBytes = ITEM_BYTES[descr];
  if (itemBytes === undefined) {
    throw new CorruptDataError(
      `${path}: holds ${descr}: save it as uint8 or float32, array.astype('float32')`,
    );
  }
  if (fortranOrder)
    throw new CorruptDataError(`${path}: is in Fortran order: save np.ascontiguousarray(array)`);
  if (shape.length < 2) {
    throw new CorruptDataError(
      `${path}: has shape [${shape.join(', ')}]: the first axis must number examples`,
    );
  }
  const data = bytes.subarray(dataStart);
  const expected = elements(shape) * itemBytes;
  if (data.length !== expected) {
    throw new CorruptDataError(
      `${path} holds ${data.length} bytes, its shape [${shape.join(', ')}] takes ${expected}`,
    );
  }
  const values = descr === '<f4' ? new Float32Array(data.slice().buffer) : data;
  const dataset = arrayDataset({ name: basename(path, '.npy'), shape: shape.slice(1), values });
  return options.subset === undefined ? dataset : subset(dataset, options.subset);
}

const ITEM_BYTES: Readonly<Record<string, number>> = { '|u1': 1, '<f4': 4 };
const MAGIC = '\x93NUMPY';

interface NpyHeader {
  /** numpy's type string with its byte order, as `<f4`. */
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: number[];
  readonly dataStart: number;
}

/** The header is a Python dictionary of three known entries, in text. */
function readHeader(bytes: Uint8Array, path: string): NpyHeader {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < 12 || buffer.toString('latin1', 0, 6) !== MAGIC) {
    throw new CorruptDataError(`${path} is no .npy file`);
  }
  const textStart = buffer[6] === 1 ? 10 : 12;
  const dataStart = textStart + (buffer[6] === 1 ? buffer.readUInt16LE(8) : buffer.readUInt32LE(8));
  const text = buffer.toString('latin1', textStart, dataStart);
  const descr = /'descr':\s*'([^']*)'/.exec(text)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const shape = /'shape':\s*\(([\d\s,]*)\)/.exec(text)?.[1];
  if (dataStart > buffer.length || descr === undefined || order === undefined || shape === undefined) {
    throw new CorruptDataError(
      `${path} has no readable .npy header: it is cut short, or holds a structured type`,
    );
  }
  const sizes = shape
    .split(',')
    .filter((size) => size.trim() !== '')
    .map(Number);
  return { descr, fortranOrder: order === 'True', shape: sizes, dataStart };
}
