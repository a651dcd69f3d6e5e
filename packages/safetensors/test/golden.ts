/** The files that tools/goldens/safetensors/make.py wrote with the reference implementation. */
import { readFileSync } from 'node:fs';

export function golden(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`./goldens/${name}`, import.meta.url)));
}

export function goldenJson<T>(name: string): T {
  return JSON.parse(new TextDecoder().decode(golden(name))) as T;
}

/** A file of this header over these data bytes. */
export function fileOf(header: string | Uint8Array, data: Uint8Array = new Uint8Array()): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const file = new Uint8Array(8 + text.length + data.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  file.set(data, 8 + text.length);
  return file;
}

/** The code of the error that `action` throws, or 'none'. */
export function codeOf(action: () => unknown): string {
  try {
    action();
    return 'none';
  } catch (error) {
    if (error instanceof Error && error.name === 'SafetensorsError')
      return (error as Error & { code: string }).code;
    throw error;
  }
}
