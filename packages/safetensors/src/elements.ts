/** A tensor's elements as JavaScript numbers, and back. */
import type { Dtype } from './dtype.ts';
import { SafetensorsError } from './errors.ts';
import {
  decodeMinifloats,
  decodeScales,
  encodeMinifloats,
  isMinifloat,
  type Minifloat,
} from './minifloat.ts';
import { byteLength, type RawTensor } from './tensor.ts';

interface ElementArrays {
  BOOL: Uint8Array;
  F4: Uint8Array;
  F6_E2M3: Uint8Array;
  F6_E3M2: Uint8Array;
  U8: Uint8Array;
  I8: Int8Array;
  F8_E5M2: Uint8Array;
  F8_E4M3: Uint8Array;
  F8_E8M0: Uint8Array;
  F8_E4M3FNUZ: Uint8Array;
  F8_E5M2FNUZ: Uint8Array;
  I16: Int16Array;
  U16: Uint16Array;
  F16: Uint16Array;
  BF16: Uint16Array;
  I32: Int32Array;
  U32: Uint32Array;
  F32: Float32Array;
  C64: Float32Array;
  F64: Float64Array;
  I64: BigInt64Array;
  U64: BigUint64Array;
}

/**
 * The typed array of a dtype. Types that JavaScript lacks come as their codes (F16 and BF16 as Uint16Array, F8 and the
 * packed F4 and F6 as Uint8Array); C64 as real and imaginary parts by turns; BOOL as bytes 0 and 1.
 */
export type ElementArray<D extends Dtype = Dtype> = ElementArrays[D];

const ARRAYS = {
  BOOL: Uint8Array,
  F4: Uint8Array,
  F6_E2M3: Uint8Array,
  F6_E3M2: Uint8Array,
  U8: Uint8Array,
  I8: Int8Array,
  F8_E5M2: Uint8Array,
  F8_E4M3: Uint8Array,
  F8_E8M0: Uint8Array,
  F8_E4M3FNUZ: Uint8Array,
  F8_E5M2FNUZ: Uint8Array,
  I16: Int16Array,
  U16: Uint16Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I32: Int32Array,
  U32: Uint32Array,
  F32: Float32Array,
  C64: Float32Array,
  F64: Float64Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
} as const satisfies { [D in Dtype]: new (length: number) => ElementArray<D> };

/** A dtype that `fromFloat32` rounds to. */
export type FloatDtype = 'F32' | 'F64' | Minifloat;

/**
 * The elements in a typed array, [number of elements]: a view of the tensor's bytes where they lie aligned for it, a
 * copy where they do not. Do not write to it.
 *
 * @throws SafetensorsError `SIZE_MISMATCH` if `data` is not as long as shape and dtype say.
 */
export function toTypedArray<D extends Dtype>({ dtype, shape, data }: RawTensor<D>): ElementArray<D> {
  const size = byteLength(dtype, shape);
  if (data.byteLength !== size) {
    throw new SafetensorsError(
      'SIZE_MISMATCH',
      `${dtype} [${shape.join(', ')}] needs ${size} bytes but has ${data.byteLength}`,
    );
  }
  const ElementArray = ARRAYS[dtype];
  const width = ElementArray.BYTES_PER_ELEMENT;
  const { buffer, byteOffset } = data.byteOffset % width === 0 ? data : Uint8Array.from(data);
  return new ElementArray(buffer as ArrayBuffer, byteOffset, size / width) as ElementArray<D>;
}

/**
 * A tensor that shares the memory of a typed array: the inverse of `toTypedArray`.
 *
 * @throws SafetensorsError `SIZE_MISMATCH` if the array is not as long as the shape says.
 */
export function fromTypedArray<D extends Dtype>(
  elements: ElementArray<D>,
  shape: readonly number[],
  dtype: D,
): RawTensor<D> {
  const data = new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
  const size = byteLength(dtype, shape);
  if (data.byteLength !== size || !(elements instanceof ARRAYS[dtype])) {
    throw new SafetensorsError(
      'SIZE_MISMATCH',
      `${dtype} [${shape.join(', ')}] needs a ${ARRAYS[dtype].name} of ${size} bytes, ` +
        `got a ${elements.constructor.name} of ${data.byteLength}`,
    );
  }
  return { dtype, shape: [...shape], data };
}

/**
 * The elements as 32-bit floats, [number of elements]. F16, BF16 and F8 convert exactly; F64 and integers of more than
 * 24 bits round to nearest, ties to even. For F32 the array is `toTypedArray`'s.
 *
 * @throws SafetensorsError `UNSUPPORTED_DTYPE` for C64 and the packed F4 and F6.
 */
export function toFloat32(tensor: RawTensor): Float32Array {
  const { dtype } = tensor;
  const elements = toTypedArray(tensor);
  if (dtype === 'F32') return elements as Float32Array;
  if (isMinifloat(dtype)) return decodeMinifloats(dtype, elements as Uint8Array | Uint16Array);
  switch (dtype) {
    case 'F8_E8M0':
      return decodeScales(elements as Uint8Array);
    case 'BOOL':
      return Float32Array.from(elements as Uint8Array, (byte) => (byte === 0 ? 0 : 1));
    case 'I64':
    case 'U64':
      return Float32Array.from(elements as BigInt64Array | BigUint64Array, roundToFloat32);
    case 'C64':
    case 'F4':
    case 'F6_E2M3':
    case 'F6_E3M2':
      throw new SafetensorsError(
        'UNSUPPORTED_DTYPE',
        `${dtype} elements are not single real numbers of whole bytes: read them with toTypedArray()`,
      );
    default:
      return new Float32Array(elements as Float64Array | Int8Array);
  }
}

/**
 * A tensor of `values` rounded to `dtype`: to nearest, ties to even; overflow gives infinity, or NaN in the types
 * without one. An F32 tensor shares the memory of `values`.
 *
 * @throws SafetensorsError `SIZE_MISMATCH` if `values` are not as many as the shape says; `UNSUPPORTED_DTYPE` for types
 * that are not floats.
 */
export function fromFloat32<D extends FloatDtype = 'F32'>(
  values: Float32Array,
  shape: readonly number[],
  dtype: D = 'F32' as D,
): RawTensor<D> {
  const single = fromTypedArray(values, shape, 'F32');
  if (dtype === 'F32') return single as RawTensor as RawTensor<D>;
  if (dtype === 'F64') {
    return fromTypedArray(new Float64Array(values), shape, 'F64') as RawTensor as RawTensor<D>;
  }
  if (!isMinifloat(dtype)) {
    throw new SafetensorsError(
      'UNSUPPORTED_DTYPE',
      `${String(dtype)} is not a float type to round to: use fromTypedArray() with its typed array`,
    );
  }
  const codes = new ARRAYS[dtype](values.length);
  encodeMinifloats(dtype, values, codes);
  return fromTypedArray(codes as ElementArray<D>, shape, dtype);
}

/** Up to here every integer is a double. */
const LARGEST_EXACT = 2n ** 53n;

/**
 * Rounds a 64-bit integer to a 32-bit float once. Where a double cannot hold it, its 11 low bits are first folded into
 * the bit above them (rounding to odd), so that the two roundings on the way through a double give what one would.
 */
function roundToFloat32(integer: bigint): number {
  const low = integer & 0x7ffn;
  const exact = low === 0n || (integer >= -LARGEST_EXACT && integer <= LARGEST_EXACT);
  return Math.fround(Number(exact ? integer : (integer - low) | 0x800n));
}
