/** A tensor as the format knows it: a dtype, a shape, and bytes. */
import { bitsPerElement, type Dtype } from './dtype.ts';
import { SafetensorsError } from './errors.ts';

/** A dense tensor in little-endian row-major order. A scalar has the shape `[]`. */
export interface RawTensor<D extends Dtype = Dtype> {
  readonly dtype: D;
  readonly shape: readonly number[];
  /** The elements' bytes: a view into the file when parsed from one, and then not always aligned. */
  readonly data: Uint8Array;
}

const LARGEST_U64 = 2n ** 64n - 1n;

/**
 * Number of bytes that a tensor of this dtype and shape takes.
 *
 * @throws SafetensorsError `SIZE_OVERFLOW` when the size in bits exceeds 64 bits (the reference's limit) or the size
 * in bytes 2^53; `SIZE_MISMATCH` when packed elements of 4 or 6 bits do not fill whole bytes.
 */
export function byteLength(dtype: Dtype, shape: readonly number[]): number {
  let bits = 1n;
  for (const dimension of shape) {
    bits *= BigInt(dimension);
    if (bits > LARGEST_U64) throw overflow(shape);
  }
  bits *= BigInt(bitsPerElement(dtype));
  if (bits > LARGEST_U64) throw overflow(shape);
  if (bits % 8n !== 0n) {
    throw new SafetensorsError(
      'SIZE_MISMATCH',
      `shape [${shape.join(', ')}] of ${dtype} does not fill whole bytes: pad it to a multiple of 8 bits`,
    );
  }
  const bytes = Number(bits / 8n);
  if (!Number.isSafeInteger(bytes)) throw overflow(shape);
  return bytes;
}

function overflow(shape: readonly number[]): SafetensorsError {
  return new SafetensorsError(
    'SIZE_OVERFLOW',
    `the size of shape [${shape.join(', ')}] overflows: the shape is wrong or the file damaged`,
  );
}
