/** Reading: from the bytes of a .pth or .pt file to the value that torch.save was given. */
import { PthError } from './errors.ts';
import { isLegacy, parseLegacy } from './legacy.ts';
import { unpickle } from './pickle.ts';
import { TensorRebuilder } from './rebuild.ts';
import type { PthValue } from './values.ts';
import { isZip, readZip, requireStored, verifyChecksum, type ZipEntry } from './zip.ts';

export interface ParsePthOptions {
  /** Whether to check the CRC-32 of everything that is read. Default true. */
  readonly verifyChecksums?: boolean;
}

/**
 * Parses a file of torch.save: the zip format of PyTorch 1.6 and later, or the older one. Nothing in the file is ever
 * run; Python names other than those that tensors and plain data need are refused.
 *
 * @throws PthError whatever the bytes; see `PthErrorCode`.
 */
export function parsePth(bytes: Uint8Array, { verifyChecksums = true }: ParsePthOptions = {}): PthValue {
  if (isZip(bytes)) return parseArchive(bytes, verifyChecksums);
  if (isLegacy(bytes)) return parseLegacy(bytes);
  throw new PthError(
    'NOT_A_PTH',
    'the bytes are neither a zip archive nor an older file of torch.save: is this the file itself, and complete?',
  );
}

const PICKLE_NAME = /^(?:.*\/)?data\.pkl$/;

function parseArchive(bytes: Uint8Array, verifyChecksums: boolean): PthValue {
  const entries = readZip(bytes);
  const content = (entry: ZipEntry): Uint8Array => {
    requireStored(entry);
    if (verifyChecksums) verifyChecksum(entry);
    return entry.content;
  };

  const [pickle, ...others] = [...entries.values()].filter(({ name }) => PICKLE_NAME.test(name));
  if (!pickle || others.length > 0) {
    throw new PthError(
      'NOT_A_PTH',
      'the zip archive must have one data.pkl: it was not written by torch.save',
    );
  }
  const folder = pickle.name.slice(0, -'data.pkl'.length);
  if (entries.has(`${folder}constants.pkl`)) {
    throw new PthError(
      'UNSUPPORTED',
      'the file is a TorchScript program: save its state_dict() with torch.save instead',
    );
  }
  const byteOrder = entries.get(`${folder}byteorder`);
  if (byteOrder && new TextDecoder().decode(content(byteOrder)) !== 'little') {
    throw new PthError('UNSUPPORTED', 'the file was saved on a big-endian machine: save it again on another');
  }

  const rebuilder = new TensorRebuilder(bytes.length);
  const { value } = unpickle(content(pickle), rebuilder);
  const contents = new Map<string, Uint8Array>();
  for (const key of rebuilder.storages.keys()) {
    const entry = entries.get(`${folder}data/${key}`);
    if (!entry) throw new PthError('CORRUPT', `the zip archive lacks the storage ${key}: get the file again`);
    contents.set(key, content(entry));
  }
  rebuilder.attach(contents);
  return value as PthValue;
}
