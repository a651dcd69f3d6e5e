import { describe, expect, it } from 'vitest';
import { parse, SafetensorsError, serialize, type SafetensorsErrorCode } from '../src/index.ts';
import { codeOf, fileOf, golden, goldenJson } from './golden.ts';

interface Verdict {
  readonly header: string;
  readonly size: number;
  /** What the reference read, or that it read dimensions which JavaScript cannot hold. */
  readonly tensors?: Record<string, [dtype: string, shape: number[], bytes: number[]]> | string;
  readonly refused?: string;
}

/** Where this parser is stricter on purpose: what the reference accepts and this refuses. */
const STRICTER: Record<string, SafetensorsErrorCode> = {
  '{"__metadata__":{"a":"1","a":"2"}}': 'DUPLICATE_KEY',
  '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}':
    'DUPLICATE_KEY',
  '{"a":["U8",[1],[0,1]]}': 'INVALID_HEADER',
  '{"a":{"dtype":"U8","shape":[18446744073709551615,0],"data_offsets":[0,0]}}': 'SIZE_OVERFLOW',
};

describe('parse', () => {
  const verdicts = goldenJson<Verdict[]>('verdicts.json');

  it.each(verdicts.filter(({ header }) => !(header in STRICTER)))(
    'agrees with the reference on $header over $size bytes',
    ({ header, size, tensors }) => {
      const file = fileOf(
        header,
        Uint8Array.from({ length: size }, (_, i) => i),
      );
      if (tensors === undefined) {
        expect(() => parse(file)).toThrow(SafetensorsError);
      } else {
        const read = [...parse(file).tensors].map(([name, t]) => [name, [t.dtype, t.shape, [...t.data]]]);
        expect(Object.fromEntries(read)).toEqual(tensors);
      }
    },
  );

  it.each(Object.entries(STRICTER))('refuses %s, which the reference accepts, as %s', (header, code) => {
    const verdict = verdicts.find((v) => v.header === header)!;
    expect(verdict.tensors).toBeDefined();
    expect(codeOf(() => parse(fileOf(header, new Uint8Array(verdict.size))))).toBe(code);
  });

  it.each<[SafetensorsErrorCode, string, Uint8Array]>([
    ['TRUNCATED', 'an empty file', new Uint8Array()],
    ['TRUNCATED', 'a file that ends in its header', golden('every-dtype.safetensors').subarray(0, 100)],
    ['TRUNCATED', 'a file that ends in its tensors', golden('every-dtype.safetensors').subarray(0, -1)],
    ['TRAILING_BYTES', 'a file with a byte too many', Uint8Array.of(...golden('every-dtype.safetensors'), 0)],
    ['HEADER_TOO_LARGE', 'a header of 100 000 001 bytes', Uint8Array.of(1, 225, 245, 5, 0, 0, 0, 0)],
    ['HEADER_TOO_LARGE', 'a header of 2^64 - 1 bytes', new Uint8Array(16).fill(255)],
    ['INVALID_UTF8', 'a header that is not UTF-8', fileOf(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d))],
    ['INVALID_UTF8', 'a surrogate in UTF-8', fileOf(Uint8Array.of(0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x7d))],
    ['INVALID_JSON', 'a header that is not JSON', fileOf('{"a"')],
    ['INVALID_HEADER', 'a header that is an array', fileOf('[]')],
    ['UNKNOWN_DTYPE', 'a dtype of no format', fileOf('{"a":{"dtype":"F7","shape":[],"data_offsets":[0,1]}}')],
    [
      'INVALID_OFFSETS',
      'a hole',
      fileOf('{"a":{"dtype":"U8","shape":[],"data_offsets":[1,2]}}', new Uint8Array(2)),
    ],
    [
      'INVALID_OFFSETS',
      'a range that runs backwards',
      fileOf('{"a":{"dtype":"U8","shape":[],"data_offsets":[1,0]}}'),
    ],
    ['SIZE_MISMATCH', 'too few bytes', fileOf('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}')],
    [
      'SIZE_OVERFLOW',
      'a size beyond 64 bits',
      fileOf('{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}'),
    ],
  ])('reports %s for %s', (code, _, file) => {
    expect(codeOf(() => parse(file))).toBe(code);
  });

  it('gives views into the file, not copies', () => {
    const file = golden('every-dtype.safetensors');
    for (const { data } of parse(file).tensors.values()) expect(data.buffer).toBe(file.buffer);
  });

  it('keeps a metadata key of __proto__ as text like any other', () => {
    const { metadata } = parse(fileOf('{"__metadata__":{"__proto__":"text"}}'));
    expect(Object.entries(metadata)).toEqual([['__proto__', 'text']]);
    expect(Object.getPrototypeOf(metadata)).toBe(Object.prototype);
  });

  it('reads a header of a million digits, or of a million members, in little time', () => {
    const start = performance.now();
    const digits = '9'.repeat(1_000_000);
    expect(codeOf(() => parse(fileOf(`{"a":{"dtype":"U8","shape":[${digits}],"data_offsets":[0,0]}}`)))).toBe(
      'SIZE_OVERFLOW',
    );
    const ones = '1,'.repeat(500_000);
    const wide = parse(fileOf(`{"a":{"dtype":"U8","shape":[${ones}0],"data_offsets":[0,0]}}`));
    expect(wide.tensors.get('a')!.shape).toHaveLength(500_001);
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});

describe('parse of damaged files', () => {
  /** xorshift32 */
  function random(seed: number): () => number {
    let state = seed;
    return () => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return state >>> 0;
    };
  }

  const names = ['every-dtype.safetensors', 'awkward-names.safetensors', 'empty.safetensors'];

  it.each(names)('refuses every truncation of %s with a SafetensorsError', (name) => {
    const file = golden(name);
    for (let length = 0; length < file.length; length++) {
      expect(() => parse(file.subarray(0, length))).toThrow(SafetensorsError);
    }
  });

  it.each(names)(
    'throws nothing but SafetensorsError on byte flips of %s, and what it accepts it can write',
    (name) => {
      const next = random(20190415);
      const original = golden(name);
      let refused = 0;
      const rounds = 4_000;
      for (let round = 0; round < rounds; round++) {
        const file = original.slice();
        const headerEnd = 8 + Number(new DataView(file.buffer).getBigUint64(0, true));
        for (let flips = 1 + (next() % 3); flips > 0; flips--) file[next() % headerEnd]! ^= 1 << (next() % 8);
        if (codeOf(() => serialize(parse(file))) !== 'none') refused++;
      }
      expect(refused).toBeGreaterThan(rounds / 4);
    },
  );
});
