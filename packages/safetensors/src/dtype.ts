/** The element types of the format, and how many bits each takes. */

/**
 * Bits per element, in the format's order of increasing alignment: tensors are written in the reverse of this
 * order, so that the widest come first and every tensor lies aligned. The order is that of `enum Dtype` in the
 * reference implementation.
 */
const BITS = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const;

/** An element type, named as in the file's header. `C64` is a pair of 32-bit floats. */
export type Dtype = keyof typeof BITS;

/** Every dtype of the format, by increasing alignment. */
export const DTYPES = Object.keys(BITS) as readonly Dtype[];

/** Bits per element: 4 and 6 for the packed types, a multiple of 8 for all others. */
export function bitsPerElement(dtype: Dtype): number {
  return BITS[dtype];
}

export function isDtype(name: unknown): name is Dtype {
  return typeof name === 'string' && Object.hasOwn(BITS, name);
}

/** Where a dtype stands in the order of increasing alignment. */
export function alignmentRank(dtype: Dtype): number {
  return DTYPES.indexOf(dtype);
}
