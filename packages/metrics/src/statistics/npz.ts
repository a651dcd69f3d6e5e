/** numpy's .npz archives: a zip of .npy files, read stored or deflated, written stored. */
import { readFile } from 'node:fs/promises';
import { inflateRawSync } from 'node:zlib';
import { CorruptDataError, MissingDataError } from '@srmcmc/core';

export interface NpyArray {
  readonly shape: readonly number[];
  /** Of float32 and float64 arrays, or of uint8. */
  readonly values: Float64Array | Uint8Array;
}

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END_BYTES = 22;
const LONGEST_COMMENT = 0xffff;
const IN_ZIP64 = 0xffffffff;
const STORED = 0;
const DEFLATED = 8;
const MAGIC = Buffer.from('\x93NUMPY', 'latin1');

/**
 * The arrays of an .npz file by their names, `arr_0` where np.savez was given none, in the file's order: images as
 * guided-diffusion keeps them, statistics as pytorch-fid does. The whole file is held in memory.
 *
 * @throws MissingDataError where it cannot be read, CorruptDataError where it is cut short, damaged, or holds anything but
 * floats and bytes in C order.
 */
export async function readNpz(path: string): Promise<Map<string, NpyArray>> {
  const bytes = await readBytes(path);
  try {
    const files = [...readZip(bytes)].filter(([name]) => name.endsWith('.npy'));
    return new Map(files.map(([name, content]) => [name.slice(0, -'.npy'.length), readNpy(content)]));
  } catch (cause) {
    throw new CorruptDataError(`${path}: ${(cause as Error).message}`, { cause });
  }
}

/** The whole of a file. @throws MissingDataError where it cannot be read. */
export async function readBytes(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new MissingDataError(`${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

/** The files in an archive, by their names. @throws Error that says what is wrong with it. */
export function readZip(bytes: Buffer): Map<string, Buffer> {
  const end = endOf(bytes);
  const files = new Map<string, Buffer>();
  let at = bytes.readUInt32LE(end + 16);
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left--) {
    if (bytes.readUInt32LE(at) !== CENTRAL) throw new Error('the list of files in it is damaged');
    const method = bytes.readUInt16LE(at + 10);
    const checksum = bytes.readUInt32LE(at + 16);
    const size = bytes.readUInt32LE(at + 20);
    const local = bytes.readUInt32LE(at + 42);
    if (size === IN_ZIP64 || local === IN_ZIP64)
      throw new Error('it is a zip64 archive, for more than 4 GiB');
    const nameEnd = at + 46 + bytes.readUInt16LE(at + 28);
    const name = bytes.toString('utf8', at + 46, nameEnd);
    at = nameEnd + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
    if (bytes.readUInt32LE(local) !== LOCAL) throw new Error(`${name} in it is damaged`);
    const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    const packed = bytes.subarray(start, start + size);
    if (packed.length !== size) throw new Error(`${name} in it is cut short`);
    if (method !== STORED && method !== DEFLATED)
      throw new Error(`${name} in it is packed in an unknown way`);
    const content = method === DEFLATED ? inflateRawSync(packed) : packed;
    if (crc32(content) !== checksum) throw new Error(`${name} in it is damaged: its checksum is wrong`);
    files.set(name, content);
  }
  return files;
}

/** An archive of these files, stored as they are. */
export function writeZip(files: ReadonlyMap<string, Buffer>): Buffer {
  const parts: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of files) {
    const nameBytes = Buffer.from(name, 'utf8');
    // Version 2.0, no flags, stored, 1 January 1980 (so that equal content makes equal files).
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(0x21, 8);
    common.writeUInt32LE(crc32(content), 10);
    common.writeUInt32LE(content.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(nameBytes.length, 22);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(CENTRAL, 0);
    entry.writeUInt16LE(20, 4);
    common.copy(entry, 6);
    entry.writeUInt32LE(offset, 42);
    central.push(entry, nameBytes);
    const signature = Buffer.alloc(4);
    signature.writeUInt32LE(LOCAL);
    parts.push(signature, common, nameBytes, content);
    offset += 4 + common.length + nameBytes.length + content.length;
  }
  const end = Buffer.alloc(END_BYTES);
  end.writeUInt32LE(END, 0);
  end.writeUInt16LE(files.size, 8);
  end.writeUInt16LE(files.size, 10);
  end.writeUInt32LE(
    central.reduce((sum, { length }) => sum + length, 0),
    12,
  );
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, ...central, end]);
}

/** A .npy file of float64, float32 or uint8. @throws Error that says what is wrong with it. */
export function readNpy(bytes: Buffer): NpyArray {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw new Error('it is no .npy file');
  const isShort = bytes[6] === 1;
  const start = isShort ? 10 + bytes.readUInt16LE(8) : 12 + bytes.readUInt32LE(8);
  const header = bytes.toString('latin1', isShort ? 10 : 12, start);
  const descr = /'descr':\s*'([^']*)'/.exec(header)?.[1];
  const sizes = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
  if (descr === undefined || sizes === undefined) throw new Error('its header is damaged');
  const shape = sizes.split(',').flatMap((size) => (size.trim() === '' ? [] : [Number(size)]));
  if (/'fortran_order':\s*True/.test(header) && shape.length > 1) {
    throw new Error('it is in Fortran order: save np.ascontiguousarray(array)');
  }
  const count = shape.reduce((product, size) => product * size, 1);
  // A copy, for the numbers must lie at a multiple of their size.
  const data = new Uint8Array(bytes.subarray(start));
  const read = { '<f8': Float64Array, '<f4': Float32Array, '|u1': Uint8Array }[descr];
  if (read === undefined) throw new Error(`it holds ${descr}: save it as float64`);
  if (data.length !== count * read.BYTES_PER_ELEMENT)
    throw new Error('it is cut short, or longer than it says');
  const values = new read(data.buffer);
  return { shape, values: values instanceof Float32Array ? Float64Array.from(values) : values };
}

export function writeNpy({ shape, values }: NpyArray): Buffer {
  const descr = values instanceof Uint8Array ? '|u1' : '<f8';
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const entries = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${sizes}), }`;
  // Spaces and a newline fill up to a multiple of 64 bytes.
  const length = Math.ceil((10 + entries.length + 1) / 64) * 64 - 10;
  const prefix = Buffer.alloc(10);
  MAGIC.copy(prefix);
  prefix.writeUInt8(1, 6);
  prefix.writeUInt16LE(length, 8);
  const data = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return Buffer.concat([prefix, Buffer.from(`${entries.padEnd(length - 1)}\n`, 'latin1'), data]);
}

/** Where the record at the end of the archive begins, before a comment of unknown length. */
function endOf(bytes: Buffer): number {
  const first = Math.max(0, bytes.length - END_BYTES - LONGEST_COMMENT);
  for (let at = bytes.length - END_BYTES; at >= first; at--) {
    if (bytes.readUInt32LE(at) === END) return at;
  }
  throw new Error('it is no zip archive, or is cut short');
}

const CHECKSUMS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

function crc32(bytes: Buffer): number {
  let value = 0xffffffff;
  for (const byte of bytes) value = CHECKSUMS[(value ^ byte) & 0xff]! ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}
