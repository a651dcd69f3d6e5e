/** Writing: the same bytes, for the same content, as the reference implementation writes. */
import { alignmentRank, isDtype } from './dtype.ts';
import { SafetensorsError } from './errors.ts';
import { LENGTH_BYTES, MAX_HEADER_BYTES, METADATA_KEY } from './parse.ts';
import { byteLength, type RawTensor } from './tensor.ts';

/** What to write. A `SafetensorsFile` is one; so is `{ tensors: Object.entries(record) }`. */
export interface SafetensorsContent {
  /** Names and tensors, in any order. */
  readonly tensors: Iterable<readonly [name: string, tensor: RawTensor]>;
  /** Free text. Left out of the file when empty. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * The bytes of a safetensors file.
 *
 * Tensors are ordered by decreasing alignment of their dtype, then by name (code points), and the header is padded with
 * spaces to a multiple of 8, exactly as the reference writes them. Metadata keys keep the order of the record (the
 * reference leaves theirs to a random hash), so that a file which was parsed is written again byte for byte.
 *
 * @throws SafetensorsError `INVALID_TENSOR`, `UNKNOWN_DTYPE`, `SIZE_MISMATCH`, `SIZE_OVERFLOW`, `DUPLICATE_KEY` or
 * `HEADER_TOO_LARGE` when the content cannot be written.
 */
export function serialize(content: SafetensorsContent): Uint8Array {
  const parts = serializeInParts(content);
  const bytes = new Uint8Array(parts.reduce((total, part) => total + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.byteLength;
  }
  return bytes;
}

/** The file as the concatenation of its header and the tensors' own bytes, none of which are copied. */
export function serializeInParts({ tensors, metadata = {} }: SafetensorsContent): Uint8Array[] {
  const ordered = [...tensors].sort(([nameA, a], [nameB, b]) => {
    return alignmentRank(b.dtype) - alignmentRank(a.dtype) || compareCodePoints(nameA, nameB);
  });
  const entries = [
    ...metadataEntry(metadata),
    ...layOut(ordered).map(([name, entry]) => `${quote(name)}:${JSON.stringify(entry)}`),
  ];
  return [encodeHeader(`{${entries.join(',')}}`), ...ordered.map(([, tensor]) => tensor.data)];
}

interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

function layOut(tensors: readonly (readonly [string, RawTensor])[]): [string, HeaderEntry][] {
  const names = new Set<string>();
  let offset = 0;
  return tensors.map(([name, tensor]) => {
    requireWritable(name, tensor);
    if (names.has(name)) {
      throw new SafetensorsError('DUPLICATE_KEY', `two tensors are named ${quote(name)}: rename one`);
    }
    names.add(name);
    const begin = offset;
    offset += tensor.data.byteLength;
    return [name, { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [begin, offset] }];
  });
}

function requireWritable(name: string, { dtype, shape, data }: RawTensor): void {
  if (name === METADATA_KEY) {
    throw new SafetensorsError(
      'INVALID_TENSOR',
      `a tensor cannot be named ${METADATA_KEY}, which the format reserves`,
    );
  }
  if (!isDtype(dtype)) {
    throw new SafetensorsError(
      'UNKNOWN_DTYPE',
      `tensor ${quote(name)} has the unknown dtype ${String(dtype)}`,
    );
  }
  if (!shape.every((dimension) => Number.isSafeInteger(dimension) && dimension >= 0)) {
    throw new SafetensorsError(
      'INVALID_TENSOR',
      `tensor ${quote(name)} has shape [${shape.join(', ')}]: dimensions are integers of at least 0`,
    );
  }
  if (!(data instanceof Uint8Array)) {
    throw new SafetensorsError(
      'INVALID_TENSOR',
      `data of tensor ${quote(name)} must be a Uint8Array: fromFloat32() makes one of a Float32Array`,
    );
  }
  const size = byteLength(dtype, shape);
  if (data.byteLength !== size) {
    throw new SafetensorsError(
      'SIZE_MISMATCH',
      `tensor ${quote(name)}, ${dtype} [${shape.join(', ')}], needs ${size} bytes but has ${data.byteLength}`,
    );
  }
}

function metadataEntry(metadata: Readonly<Record<string, string>>): string[] {
  const entries = Object.entries(metadata);
  if (entries.length === 0) return [];
  const fields = entries.map(([key, text]) => {
    if (typeof text !== 'string') {
      throw new SafetensorsError(
        'INVALID_TENSOR',
        `metadata.${key} must be a string, as all metadata of the format is: JSON.stringify() it`,
      );
    }
    return `${quote(key)}:${quote(text)}`;
  });
  return [`"${METADATA_KEY}":{${fields.join(',')}}`];
}

function encodeHeader(json: string): Uint8Array {
  const text = new TextEncoder().encode(json);
  const length = Math.ceil(text.byteLength / LENGTH_BYTES) * LENGTH_BYTES;
  if (length > MAX_HEADER_BYTES) {
    throw new SafetensorsError(
      'HEADER_TOO_LARGE',
      `the header would take ${length} bytes, more than the format's ${MAX_HEADER_BYTES}: shorten the metadata`,
    );
  }
  const header = new Uint8Array(LENGTH_BYTES + length).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(text, LENGTH_BYTES);
  return header;
}

/** JSON.stringify escapes as the reference does, except for unpaired surrogates, which UTF-8 cannot hold. */
function quote(text: string): string {
  if (/\p{Surrogate}/u.test(text)) {
    throw new SafetensorsError(
      'INVALID_TENSOR',
      `${JSON.stringify(text)} is not Unicode text: it has an unpaired surrogate`,
    );
  }
  return JSON.stringify(text);
}

/** The order of UTF-8 bytes, which differs from JavaScript's order of UTF-16 units beyond U+FFFF. */
function compareCodePoints(a: string, b: string): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    if (a.charCodeAt(i) !== b.charCodeAt(i)) return a.codePointAt(i)! - b.codePointAt(i)!;
  }
  return a.length - b.length;
}
