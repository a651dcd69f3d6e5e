/** numpy's .npy files (NEP 1, format version 1.0): a header, then the elements in C order. */
import { endianness } from 'node:os';

const MAGIC = '\x93NUMPY';
const PREFIX_BYTES = 10;
const ALIGNMENT = 64;
const DESCR = { float32: endianness() === 'LE' ? '<f4' : '>f4', uint8: '|u1' };

/** The bytes before the elements of an array of this type and shape. */
export function npyHeader(dtype: 'float32' | 'uint8', shape: readonly number[]): Uint8Array {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const entries = `{'descr': '${DESCR[dtype]}', 'fortran_order': False, 'shape': (${sizes}), }`;
  // Spaces and a newline fill up to a multiple of 64, so that the elements can be mapped into memory.
  const length = Math.ceil((PREFIX_BYTES + entries.length + 1) / ALIGNMENT) * ALIGNMENT - PREFIX_BYTES;
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.write(MAGIC, 'latin1');
  prefix.writeUInt8(1, 6);
  prefix.writeUInt16LE(length, 8);
  return Buffer.concat([prefix, Buffer.from(`${entries.padEnd(length - 1)}\n`, 'latin1')]);
}

/** The bytes of elements as they lie in memory. */
export function elementBytes(values: Float32Array | Uint8Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
