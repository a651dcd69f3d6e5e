/** The files that tools/goldens/pth/make.py wrote with PyTorch. */
import { readFileSync } from 'node:fs';
import { parse, type RawTensor } from '@srmcmc/safetensors';
import { PthError, PthTensor, type PthValue } from '../src/index.ts';

export function golden(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`./goldens/${name}`, import.meta.url)));
}

/** The contiguous tensors that PyTorch saw in NAME.pth, by the keys on the way to them, sorted. */
export function expectedTensors(name: string): [path: string, ...Summary][] {
  return summarize(parse(golden(`${name}.safetensors`)).tensors);
}

type Summary = [dtype: string, shape: readonly number[], bytes: number[]];

export function summarize(tensors: Iterable<readonly [string, RawTensor]>): [string, ...Summary][] {
  return [...tensors]
    .map(([path, { dtype, shape, data }]): [string, ...Summary] => [path, dtype, shape, [...data]])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Every tensor of a value, by the keys and indices on the way to it joined by dots. */
export function tensorsOf(value: PthValue, path = ''): [string, PthTensor][] {
  if (value instanceof PthTensor) return [[path, value]];
  const entries: [PthValue, PthValue][] =
    value instanceof Map ? [...value] : Array.isArray(value) ? [...value.entries()] : [];
  return entries.flatMap(([key, inner]) =>
    tensorsOf(inner, path === '' ? String(key) : `${path}.${String(key)}`),
  );
}

/** The PthError that `action` throws; anything else that it throws is thrown on. */
export function refusalOf(action: () => unknown): PthError | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof PthError) return error;
    throw error;
  }
}
