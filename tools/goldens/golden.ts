/** Reads the reference values that lie beside a test. */
import { readFileSync } from 'node:fs';
import { parse, toFloat32 } from '@srmcmc/safetensors';

export interface Golden {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** The tensors of a golden file by name: `golden(import.meta.url, 'paper-32')`. */
export function golden(testUrl: string, name: string): Map<string, Golden> {
  const { tensors } = parse(readFileSync(new URL(`goldens/${name}.safetensors`, testUrl)));
  return new Map(
    [...tensors].map(([key, tensor]) => [key, { shape: tensor.shape, data: toFloat32(tensor) }]),
  );
}

/** The entries whose names begin with `prefix`, without it. */
export function under(tensors: ReadonlyMap<string, Golden>, prefix: string): Map<string, Golden> {
  const entries = [...tensors].filter(([name]) => name.startsWith(prefix));
  return new Map(entries.map(([name, value]) => [name.slice(prefix.length), value]));
}

/** The greatest |actual − expected|, divided by the greatest |expected|. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let error = 0;
  let scale = 0;
  for (let i = 0; i < actual.length; i++) {
    // Written so that a NaN counts as an error without bound.
    const difference = Math.abs(actual[i]! - expected[i]!);
    error = difference <= error ? error : Number.isNaN(difference) ? Infinity : difference;
    scale = Math.max(scale, Math.abs(expected[i]!));
  }
  return error === 0 ? 0 : error / scale;
}
