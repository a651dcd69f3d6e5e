/** Reading: from the bytes of a file to named tensors that are views into them. */
import { isDtype } from './dtype.ts';
import { SafetensorsError } from './errors.ts';
import { parseJson, type Json, type JsonObject } from './json.ts';
import { byteLength, type RawTensor } from './tensor.ts';

/** What a file holds. Tensors are in the order of their bytes in the file. */
export interface SafetensorsFile {
  /** Free text of the writer's choosing; empty when the file has none. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, RawTensor>;
}

/** Size of the little-endian header length that opens a file. */
export const LENGTH_BYTES = 8;

/** The reference's limit on the header, so that a damaged length is noticed before anything is allocated. */
export const MAX_HEADER_BYTES = 100_000_000;

export const METADATA_KEY = '__metadata__';

/**
 * Parses a whole safetensors file. No tensor is copied: each `data` is a view into `bytes`.
 *
 * Refuses everything that the reference implementation refuses, and also duplicate keys, which the reference lets the
 * last win, and dimensions of 2^53 and more.
 *
 * @throws SafetensorsError whatever the bytes; see `SafetensorsErrorCode`.
 */
export function parse(bytes: Uint8Array): SafetensorsFile {
  const header = readHeader(bytes);
  const content = bytes.subarray(LENGTH_BYTES + header.byteLength);
  const fields = requireObject(parseJson(decodeUtf8(header)), 'the header');

  const metadata = readMetadata(fields.get(METADATA_KEY));
  fields.delete(METADATA_KEY);

  const entries = [...fields].map(([name, field]) => readEntry(name, field));
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  requireGapless(entries, content.byteLength);
  const tensors = new Map<string, RawTensor>();
  for (const { name, dtype, shape, begin, end } of entries) {
    tensors.set(name, { dtype, shape, data: content.subarray(begin, end) });
  }
  return { metadata, tensors };
}

interface Entry {
  readonly name: string;
  readonly dtype: RawTensor['dtype'];
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function readHeader(bytes: Uint8Array): Uint8Array {
  if (bytes.byteLength < LENGTH_BYTES) {
    throw new SafetensorsError(
      'TRUNCATED',
      `${bytes.byteLength} bytes cannot be a safetensors file, which has at least ${LENGTH_BYTES}: get it again`,
    );
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES) {
    throw new SafetensorsError(
      'HEADER_TOO_LARGE',
      `the header claims ${length} bytes, more than the format's ${MAX_HEADER_BYTES}: is this a safetensors file?`,
    );
  }
  const end = LENGTH_BYTES + Number(length);
  if (end > bytes.byteLength) {
    throw new SafetensorsError(
      'TRUNCATED',
      `the header ends at byte ${end}, the file at ${bytes.byteLength}: get the file again`,
    );
  }
  return bytes.subarray(LENGTH_BYTES, end);
}

function decodeUtf8(header: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(header);
  } catch (cause) {
    throw new SafetensorsError('INVALID_UTF8', 'the header is not UTF-8: the file is damaged', { cause });
  }
}

function readMetadata(field: Json | undefined): Record<string, string> {
  if (field === undefined || field === null) return {};
  const entries = requireObject(field, METADATA_KEY);
  for (const [key, value] of entries) {
    if (typeof value !== 'string') throw malformed(`${METADATA_KEY}.${key} must be a string`);
  }
  return Object.fromEntries(entries) as Record<string, string>;
}

function readEntry(name: string, field: Json): Entry {
  const quoted = JSON.stringify(name);
  const entry = requireObject(field, `tensor ${quoted}`);
  const dtype = entry.get('dtype');
  if (typeof dtype !== 'string') throw malformed(`tensor ${quoted} must have a dtype, a string`);
  if (!isDtype(dtype)) {
    throw new SafetensorsError(
      'UNKNOWN_DTYPE',
      `tensor ${quoted} has the unknown dtype ${JSON.stringify(dtype)}: a newer version may know it`,
    );
  }
  const shape = readIntegers(entry.get('shape'), `the shape of tensor ${quoted}`);
  const offsets = readIntegers(entry.get('data_offsets'), `data_offsets of tensor ${quoted}`);
  const [begin, end] = offsets;
  if (begin === undefined || end === undefined || offsets.length !== 2) {
    throw malformed(`data_offsets of tensor ${quoted} must be two integers`);
  }
  const size = byteLength(dtype, shape);
  if (begin <= end && end - begin !== size) {
    throw new SafetensorsError(
      'SIZE_MISMATCH',
      `tensor ${quoted}, ${dtype} [${shape.join(', ')}], needs ${size} bytes but has ${end - begin}`,
    );
  }
  return { name, dtype, shape, begin, end };
}

function readIntegers(field: Json | undefined, what: string): number[] {
  if (!Array.isArray(field)) throw malformed(`${what} must be an array of integers`);
  return field.map((value) => {
    if (typeof value === 'bigint' && value > 0n) {
      throw new SafetensorsError('SIZE_OVERFLOW', `${what} has the entry ${value}, which no real file has`);
    }
    if (typeof value !== 'number' || !(value >= 0)) {
      throw malformed(`${what} must hold integers of at least 0`);
    }
    return value;
  });
}

/** The tensors, sorted by offset, must follow one another without hole or overlap and end where the file ends. */
function requireGapless(entries: readonly Entry[], available: number): void {
  let reached = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== reached || end < begin) {
      throw new SafetensorsError(
        'INVALID_OFFSETS',
        `tensor ${JSON.stringify(name)} spans bytes ${begin} to ${end} where ${reached} is next: ` +
          'tensors must follow one another without hole or overlap',
      );
    }
    reached = end;
  }
  if (reached > available) {
    throw new SafetensorsError(
      'TRUNCATED',
      `the tensors take ${reached} bytes, the file has ${available} for them: get the file again`,
    );
  }
  if (reached < available) {
    throw new SafetensorsError(
      'TRAILING_BYTES',
      `${available - reached} bytes follow the last tensor: the header does not belong to this file`,
    );
  }
}

function requireObject(value: Json, what: string): JsonObject {
  if (!(value instanceof Map)) throw malformed(`${what} must be an object`);
  return value;
}

function malformed(problem: string): SafetensorsError {
  return new SafetensorsError(
    'INVALID_HEADER',
    `${problem}: the file was not written by a safetensors writer`,
  );
}
