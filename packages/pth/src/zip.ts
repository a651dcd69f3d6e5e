/**
 * Zip archives as torch.save writes them: stored, not compressed; perhaps with the 64-bit extensions (PKWARE APPNOTE
 * 6.3.10, sections 4.3 and 4.5.3).
 */
import { crc32 } from './crc32.ts';
import { PthError } from './errors.ts';

export interface ZipEntry {
  readonly name: string;
  /** Whether the content is as it is in the archive, neither compressed nor encrypted. */
  readonly stored: boolean;
  readonly content: Uint8Array;
  /** The checksum that the archive gives for the content. */
  readonly crc32: number;
}

const LOCAL_HEADER = 0x04034b50;
const CENTRAL_HEADER = 0x02014b50;
const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
const LOCAL_HEADER_BYTES = 30;
const CENTRAL_HEADER_BYTES = 46;
const END_BYTES = 22;
const END_64_BYTES = 56;
const LOCATOR_64_BYTES = 20;
const LONGEST_COMMENT = 0xffff;
/** What a field of 32 bits holds when its value is in the 64-bit extension. */
const IN_EXTENSION = 0xffffffff;
const ZIP64_EXTRA = 0x0001;
/** The extra field that PyTorch pads with: the letters FB. */
const PADDING_EXTRA = 0x4246;
const FLAG_ENCRYPTED = 0x0001;
const FLAG_UTF8 = 0x0800;
const VERSION = 20;
/** 1 January 1980, the earliest date there is: the same content gives the same bytes at any time. */
const DATE = 0x0021;
/** PyTorch's alignment of an entry's content within the file. */
const ALIGNMENT = 64;

export function isZip(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && view(bytes).getUint32(0, true) === LOCAL_HEADER;
}

/** Every entry of an archive, by name. The contents are views; their checksums are not looked at. */
export function readZip(bytes: Uint8Array): Map<string, ZipEntry> {
  const archive = view(bytes);
  const { count, start } = readEnd(bytes);
  const entries = new Map<string, ZipEntry>();
  let position = start;
  let total = 0;
  for (let i = 0; i < count; i++) {
    requireWithin(bytes, position, CENTRAL_HEADER_BYTES, 'the directory');
    if (archive.getUint32(position, true) !== CENTRAL_HEADER) throw corrupt('its directory is damaged');
    const flags = archive.getUint16(position + 8, true);
    const method = archive.getUint16(position + 10, true);
    const nameLength = archive.getUint16(position + 28, true);
    const extraLength = archive.getUint16(position + 30, true);
    const commentLength = archive.getUint16(position + 32, true);
    const nameAt = position + CENTRAL_HEADER_BYTES;
    requireWithin(bytes, nameAt, nameLength + extraLength + commentLength, 'the directory');
    const name = decode(bytes.subarray(nameAt, nameAt + nameLength));
    const extra = bytes.subarray(nameAt + nameLength, nameAt + nameLength + extraLength);
    const [size, compressed, offset] = extendFields(extra, [
      archive.getUint32(position + 24, true),
      archive.getUint32(position + 20, true),
      archive.getUint32(position + 42, true),
    ]);
    const stored = method === 0 && (flags & FLAG_ENCRYPTED) === 0;
    if (stored && compressed !== size) throw corrupt(`the entry ${name} has two sizes`);
    if (entries.has(name)) throw corrupt(`it has two entries named ${name}`);
    const content = readContent(bytes, name, offset, compressed);
    total += compressed;
    if (total > bytes.length) throw corrupt('its entries overlap');
    entries.set(name, { name, stored, content, crc32: archive.getUint32(position + 16, true) });
    position = nameAt + nameLength + extraLength + commentLength;
  }
  return entries;
}

/** Throws `UNSUPPORTED` unless the content is as it is in the archive. */
export function requireStored({ name, stored }: ZipEntry): void {
  if (stored) return;
  throw new PthError(
    'UNSUPPORTED',
    `the entry ${name} is compressed or encrypted, which torch.save does not do: unpack the archive, and save what ` +
      'torch.load gives again',
  );
}

/** Throws `CRC_MISMATCH` unless the content has the checksum that the archive gives for it. */
export function verifyChecksum(entry: ZipEntry): void {
  if (crc32(entry.content) === entry.crc32) return;
  throw new PthError(
    'CRC_MISMATCH',
    `the entry ${entry.name} does not have its checksum: the file is damaged, get it again (a file saved after ` +
      'torch.serialization.set_crc32_options(False) has no checksums: read it with verifyChecksums: false)',
  );
}

/** An archive of stored entries, each content aligned as PyTorch aligns it. */
export function writeZip(entries: readonly (readonly [name: string, content: Uint8Array])[]): Uint8Array {
  const placed: { name: Uint8Array; content: Uint8Array; crc: number; offset: number; padding: number }[] =
    [];
  let end = 0;
  let directoryBytes = 0;
  for (const [text, content] of entries) {
    const name = new TextEncoder().encode(text);
    const unpadded = end + LOCAL_HEADER_BYTES + name.length + 4;
    const padding = Math.ceil(unpadded / ALIGNMENT) * ALIGNMENT - unpadded;
    placed.push({ name, content, crc: crc32(content), offset: end, padding });
    end = unpadded + padding + content.length;
    directoryBytes += CENTRAL_HEADER_BYTES + name.length;
  }
  if (end + directoryBytes >= IN_EXTENSION || placed.length >= 0xffff) {
    throw new PthError(
      'UNSUPPORTED',
      'a .pth of 4 GiB or of 65535 tensors and more is not written: use safetensors, or split it',
    );
  }

  const bytes = new Uint8Array(end + directoryBytes + END_BYTES);
  const archive = view(bytes);
  let position = end;
  for (const { name, content, crc, offset, padding } of placed) {
    archive.setUint32(offset, LOCAL_HEADER, true);
    writeCommonFields(archive, offset + 4, name.length, content.length, crc, 4 + padding);
    bytes.set(name, offset + LOCAL_HEADER_BYTES);
    const extra = offset + LOCAL_HEADER_BYTES + name.length;
    archive.setUint16(extra, PADDING_EXTRA, true);
    archive.setUint16(extra + 2, padding, true);
    bytes.set(content, extra + 4 + padding);

    archive.setUint32(position, CENTRAL_HEADER, true);
    archive.setUint16(position + 4, VERSION, true);
    writeCommonFields(archive, position + 6, name.length, content.length, crc, 0);
    archive.setUint32(position + 42, offset, true);
    bytes.set(name, position + CENTRAL_HEADER_BYTES);
    position += CENTRAL_HEADER_BYTES + name.length;
  }
  archive.setUint32(position, END, true);
  archive.setUint16(position + 8, placed.length, true);
  archive.setUint16(position + 10, placed.length, true);
  archive.setUint32(position + 12, directoryBytes, true);
  archive.setUint32(position + 16, end, true);
  return bytes;
}

/** The 26 bytes that local and central headers share, from the version needed to the length of the extra field. */
function writeCommonFields(
  archive: DataView,
  at: number,
  nameLength: number,
  size: number,
  crc: number,
  extraLength: number,
): void {
  archive.setUint16(at, VERSION, true);
  archive.setUint16(at + 2, FLAG_UTF8, true);
  archive.setUint16(at + 8, DATE, true);
  archive.setUint32(at + 10, crc, true);
  archive.setUint32(at + 14, size, true);
  archive.setUint32(at + 18, size, true);
  archive.setUint16(at + 22, nameLength, true);
  archive.setUint16(at + 24, extraLength, true);
}

/** How many entries the directory has and where it starts. */
function readEnd(bytes: Uint8Array): { count: number; start: number } {
  const archive = view(bytes);
  const end = findEnd(bytes);
  const count = archive.getUint16(end + 10, true);
  const start = archive.getUint32(end + 16, true);
  if (count !== 0xffff && start !== IN_EXTENSION) return { count, start };

  const locator = end - LOCATOR_64_BYTES;
  if (locator < 0 || archive.getUint32(locator, true) !== LOCATOR_64) return { count, start };
  const end64 = Number(archive.getBigUint64(locator + 8, true));
  requireWithin(bytes, end64, END_64_BYTES, 'the directory');
  if (archive.getUint32(end64, true) !== END_64) throw corrupt('its directory is damaged');
  return {
    count: Number(archive.getBigUint64(end64 + 32, true)),
    start: Number(archive.getBigUint64(end64 + 48, true)),
  };
}

function findEnd(bytes: Uint8Array): number {
  const archive = view(bytes);
  const earliest = Math.max(0, bytes.length - END_BYTES - LONGEST_COMMENT);
  for (let at = bytes.length - END_BYTES; at >= earliest; at--) {
    const ends = archive.getUint32(at, true) === END;
    if (ends && at + END_BYTES + archive.getUint16(at + 20, true) === bytes.length) return at;
  }
  throw new PthError('TRUNCATED', 'the zip archive has no end: the file is incomplete, get it again');
}

/** Replaces each field that says so by its 64-bit value, which the extension gives in the same order. */
function extendFields(extra: Uint8Array, fields: [number, number, number]): [number, number, number] {
  if (!fields.includes(IN_EXTENSION)) return fields;
  const data = view(extra);
  for (let at = 0; at + 4 <= extra.length; at += 4 + data.getUint16(at + 2, true)) {
    if (data.getUint16(at, true) !== ZIP64_EXTRA) continue;
    let next = at + 4;
    return fields.map((field) => {
      if (field !== IN_EXTENSION) return field;
      requireWithin(extra, next, 8, 'the directory');
      next += 8;
      return Number(data.getBigUint64(next - 8, true));
    }) as [number, number, number];
  }
  return fields;
}

function readContent(bytes: Uint8Array, name: string, offset: number, size: number): Uint8Array {
  requireWithin(bytes, offset, LOCAL_HEADER_BYTES, name);
  const archive = view(bytes);
  const nameAt = offset + LOCAL_HEADER_BYTES;
  const nameLength = archive.getUint16(offset + 26, true);
  const isHeader = archive.getUint32(offset, true) === LOCAL_HEADER;
  if (!isHeader || decode(bytes.subarray(nameAt, nameAt + nameLength)) !== name) {
    throw corrupt(`the entry ${name} is not where its directory says`);
  }
  const start = nameAt + nameLength + archive.getUint16(offset + 28, true);
  requireWithin(bytes, start, size, name);
  return bytes.subarray(start, start + size);
}

function requireWithin(bytes: Uint8Array, offset: number, length: number, what: string): void {
  if (offset + length > bytes.length) throw corrupt(`${what} lies beyond its end`);
}

function decode(name: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(name);
  } catch (cause) {
    throw new PthError('CORRUPT', 'the zip archive has an entry whose name is not UTF-8', { cause });
  }
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function corrupt(problem: string): PthError {
  return new PthError('CORRUPT', `the zip archive contradicts itself: ${problem}; get the file again`);
}
