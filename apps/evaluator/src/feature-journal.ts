/** Features that are on the disk as soon as they are computed, so that work that was interrupted goes on from there. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { fromTypedArray, parse, type RawTensor, serialize, toTypedArray } from '@srmcmc/safetensors';

/** Arrays by their names; the same names in every record of a journal. */
export type JournalRecord = ReadonlyMap<string, Float32Array | Float64Array | Uint8Array>;

const EXTENSION = '.features';
/** Length of the content, and its SHA-256. */
const PREFIX_BYTES = 4 + 32;
const HASH_LETTERS = 40;
/** What nobody has taken up for so long is removed. */
const LONGEST_KEPT_MS = 30 * 24 * 3_600_000;

/**
 * A file of records, each with a checksum: what a process that was killed left half written is cut off. It belongs to one
 * process at a time, and to what `identity` says: anything else has another file.
 */
export class FeatureJournal {
  readonly #path: string;
  readonly #file: FileHandle;
  #end = 0;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  /** Takes up the journal of `identity`, or begins it; `empty` begins it anew. Throws Node's own errors. */
  static async open(
    folder: string,
    identity: object,
    { empty = false }: { readonly empty?: boolean } = {},
  ): Promise<FeatureJournal> {
    await mkdir(folder, { recursive: true });
    await removeForgotten(folder);
    const name = createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, HASH_LETTERS);
    const start = `${name}.${hostname()}.`;
    const path = join(folder, `${start}${process.pid}${EXTENSION}`);
    await takeOver(folder, start, path);
    if (empty) await rm(path, { force: true });
    return new FeatureJournal(path, await open(path, constants.O_RDWR | constants.O_CREAT));
  }

  /** The records that are whole, in their order. Read to the end before anything is appended. */
  async *records(): AsyncGenerator<JournalRecord> {
    const { size } = await this.#file.stat();
    while (this.#end < size) {
      const content = await this.#contentAt(this.#end, size);
      if (content === undefined) break;
      this.#end += PREFIX_BYTES + content.length;
      yield new Map([...parse(content).tensors].map(([name, tensor]) => [name, arrayOf(tensor)]));
    }
    if (this.#end < size) await this.#file.truncate(this.#end);
  }

  async append(record: JournalRecord): Promise<void> {
    const tensors = [...record].map(([name, values]) => [name, tensorOf(values)] as const);
    const content = serialize({ tensors });
    const prefix = Buffer.alloc(PREFIX_BYTES);
    prefix.writeUInt32LE(content.length);
    createHash('sha256').update(content).digest().copy(prefix, 4);
    const bytes = Buffer.concat([prefix, content]);
    for (let offset = 0; offset < bytes.length;) {
      const place = this.#end + offset;
      offset += (await this.#file.write(bytes, offset, bytes.length - offset, place)).bytesWritten;
    }
    this.#end += bytes.length;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** Of a journal that is closed and has served. */
  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
  }

  async #contentAt(place: number, size: number): Promise<Uint8Array | undefined> {
    if (place + PREFIX_BYTES > size) return undefined;
    const prefix = Buffer.alloc(PREFIX_BYTES);
    await this.#file.read(prefix, 0, PREFIX_BYTES, place);
    const length = prefix.readUInt32LE(0);
    if (place + PREFIX_BYTES + length > size) return undefined;
    const content = new Uint8Array(length);
    await this.#file.read(content, 0, length, place + PREFIX_BYTES);
    return createHash('sha256').update(content).digest().equals(prefix.subarray(4)) ? content : undefined;
  }
}

/** Renames to `path` what a process of this machine that is gone left behind. */
async function takeOver(folder: string, start: string, path: string): Promise<void> {
  const names = await readdir(folder);
  if (names.includes(basename(path))) return;
  for (const found of names) {
    if (!found.startsWith(start) || !found.endsWith(EXTENSION)) continue;
    if (isAlive(Number(found.slice(start.length, -EXTENSION.length)))) continue;
    // Of two that try, one finds it gone.
    const isOurs = await rename(join(folder, found), path).then(
      () => true,
      () => false,
    );
    if (isOurs) return;
  }
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function removeForgotten(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.endsWith(EXTENSION)) continue;
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && Date.now() - found.mtimeMs > LONGEST_KEPT_MS) await rm(path, { force: true });
  }
}

function tensorOf(values: Float32Array | Float64Array | Uint8Array): RawTensor {
  const dtype = values instanceof Float32Array ? 'F32' : values instanceof Float64Array ? 'F64' : 'U8';
  return fromTypedArray(values as Float64Array, [values.length], dtype as 'F64');
}

function arrayOf(tensor: RawTensor): Float32Array | Float64Array | Uint8Array {
  return toTypedArray(tensor as RawTensor<'F64'>).slice();
}
