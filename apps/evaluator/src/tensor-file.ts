/** Named tensors in a file, whatever the file is: a checkpoint, safetensors, or a .pth of PyTorch. */
import { readFile } from 'node:fs/promises';
import { MissingWeightsError } from '@srmcmc/core';
import { parsePth, PthError, PthTensor, type PthValue } from '@srmcmc/pth';
import { parse, type RawTensor, SafetensorsError } from '@srmcmc/safetensors';

export interface TensorFile {
  readonly kind: 'checkpoint' | 'safetensors' | 'pth';
  /** In the file's order; names in nested mappings are joined by dots. */
  readonly tensors: ReadonlyMap<string, RawTensor>;
  /** Text that a safetensors file carries. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Reads a file by its content, not by its name. A checkpoint's checksum is not verified here.
 *
 * @throws MissingWeightsError when it cannot be read; SafetensorsError when it is neither kind of file or damaged;
 * PthError for a damaged .pth.
 */
export async function readTensorFile(path: string): Promise<TensorFile> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new MissingWeightsError(`there is no checkpoint, run folder or weights file at ${path}`, {
        cause,
      });
    }
    throw new MissingWeightsError(`cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
  try {
    return { kind: 'pth', tensors: new Map(tensorsIn(parsePth(bytes))), metadata: {} };
  } catch (error) {
    if (!(error instanceof PthError)) throw error;
    if (error.code !== 'NOT_A_PTH')
      throw new PthError(error.code, `${path}: ${error.message}`, { cause: error });
  }
  try {
    const { tensors, metadata } = parse(bytes);
    return {
      kind: metadata.format === 'srmcmc-checkpoint' ? 'checkpoint' : 'safetensors',
      tensors,
      metadata,
    };
  } catch (error) {
    if (!(error instanceof SafetensorsError)) throw error;
    throw new SafetensorsError(
      error.code,
      `${path} is neither a .pth file of PyTorch nor safetensors: ${error.message}`,
      { cause: error },
    );
  }
}

/**
 * The state dict in a file that may hold others things too, such as {'netE': {...}, 'optimizer': {...}}: the tensors
 * beside the one that is called `f.0.weight`.
 *
 * @throws MissingWeightsError unless there is exactly one.
 */
export function stateDictOf(path: string, { tensors }: TensorFile): Map<string, RawTensor> {
  const first = 'f.0.weight';
  const prefixes = [...tensors.keys()]
    .filter((name) => name === first || name.endsWith(`.${first}`))
    .map((name) => name.slice(0, -first.length));
  const [prefix] = prefixes;
  if (prefix === undefined || prefixes.length > 1) {
    const found = prefix === undefined ? 'none' : prefixes.map((each) => `'${each}${first}'`).join(', ');
    throw new MissingWeightsError(
      `${path} must hold one net with the layers f.0, f.2, ...; of '${first}' it has ${found}`,
    );
  }
  return new Map(
    [...tensors]
      .filter(([name]) => name.startsWith(`${prefix}f.`))
      .map(([name, tensor]) => [name.slice(prefix.length), tensor]),
  );
}

function* tensorsIn(value: PthValue, name = '', seen = new Set<PthValue>()): Iterable<[string, RawTensor]> {
  if (value instanceof PthTensor) yield [name, value];
  else if ((value instanceof Map || Array.isArray(value)) && !seen.has(value)) {
    seen.add(value);
    for (const [key, inner] of value.entries()) {
      if (typeof key !== 'string' && typeof key !== 'number') continue;
      yield* tensorsIn(inner as PthValue, name === '' ? String(key) : `${name}.${key}`, seen);
    }
  }
}
