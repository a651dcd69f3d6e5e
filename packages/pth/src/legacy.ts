/**
 * The format of PyTorch before 1.6: pickles of a magic number, the version, facts about the machine, the value, and
 * the keys of its storages, and then each storage as its length (64 bits) and its bytes. There are no checksums.
 */
import { PthError } from './errors.ts';
import { unpickle, type PickleHost } from './pickle.ts';
import { byteSize, TensorRebuilder } from './rebuild.ts';
import type { PthValue } from './values.ts';

/** `torch.serialization.MAGIC_NUMBER` and `PROTOCOL_VERSION`. */
const MAGIC_NUMBER = 0x1950a86a20f9469cfc6cn;
const PROTOCOL_VERSION = 1001;
/** How a pickle of protocol 2 or later starts. */
const PROTO = 0x80;
const LENGTH_BYTES = 8;

export function isLegacy(bytes: Uint8Array): boolean {
  if (bytes[0] !== PROTO) return false;
  try {
    return unpickle(bytes, PLAIN_DATA).value === MAGIC_NUMBER;
  } catch (error) {
    if (error instanceof PthError) return false;
    throw error;
  }
}

export function parseLegacy(bytes: Uint8Array): PthValue {
  let position = 0;
  const next = (host: PickleHost): unknown => {
    const { value, end } = unpickle(bytes, host, position);
    position = end;
    return value;
  };

  next(PLAIN_DATA);
  if (next(PLAIN_DATA) !== PROTOCOL_VERSION) {
    throw new PthError('UNSUPPORTED', `the file's version of the older format is not ${PROTOCOL_VERSION}`);
  }
  const machine = next(PLAIN_DATA);
  if (!(machine instanceof Map) || machine.get('little_endian') !== true) {
    throw new PthError('UNSUPPORTED', 'the file was saved on a big-endian machine: save it again on another');
  }
  const rebuilder = new TensorRebuilder(bytes.length);
  const value = next(rebuilder);
  const keys = next(PLAIN_DATA);
  if (!Array.isArray(keys))
    throw new PthError('CORRUPT', 'the file has no list of its storages: get it again');

  const contents = new Map<string, Uint8Array>();
  for (const key of keys as unknown[]) {
    const storage = rebuilder.storages.get(key as string);
    if (!storage) throw new PthError('CORRUPT', 'the file has a storage that no tensor uses: get it again');
    const size = byteSize(storage);
    const start = position + LENGTH_BYTES;
    if (start + size > bytes.length) {
      throw new PthError('TRUNCATED', `the file ends before the storage ${storage.key} does: get it again`);
    }
    const length = new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(position, true);
    if (length !== BigInt(storage.shape[0]!)) {
      throw new PthError('CORRUPT', `the storage ${storage.key} has two lengths: get the file again`);
    }
    contents.set(storage.key, bytes.subarray(start, start + size));
    position = start + size;
  }
  rebuilder.attach(contents);
  return value as PthValue;
}

/** For the pickles that hold numbers and text only. */
const PLAIN_DATA: PickleHost = {
  resolve: refuse,
  call: refuse,
  persistentLoad: refuse,
};

function refuse(): never {
  throw new PthError('CORRUPT', 'the file has objects where numbers and text belong: get it again');
}
