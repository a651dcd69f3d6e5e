/** IDX, the file format of MNIST: two zeros, a type, a rank, big-endian sizes, then the values. */
import { CorruptDataError } from '@srmcmc/core';

export interface IdxArray {
  readonly shape: readonly number[];
  readonly values: Uint8Array;
}

const UNSIGNED_BYTES = 0x08;

/** Reads an IDX file of bytes with this rank. Throws CorruptDataError for anything else. */
export function readIdx(bytes: Uint8Array, rank: number, file: string): IdxArray {
  const header = 4 + 4 * rank;
  if (bytes.length < header) throw new CorruptDataError(`${file} is cut short: ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = (UNSIGNED_BYTES << 8) | rank;
  if (view.getUint32(0) !== magic) {
    throw new CorruptDataError(
      `${file} is no IDX file of bytes with ${rank} dimensions: it begins with ${view.getUint32(0)}, not ${magic}`,
    );
  }
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const expected = shape.reduce((product, size) => product * size, 1);
  const values = bytes.subarray(header);
  if (values.length !== expected) {
    throw new CorruptDataError(
      `${file} holds ${values.length} values, its header [${shape.join(', ')}] says ${expected}: download it again`,
    );
  }
  return { shape, values };
}
