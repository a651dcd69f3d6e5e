import { describe, expect, it } from 'vitest';
import { DTYPES, parse, serialize, type RawTensor, type SafetensorsErrorCode } from '../src/index.ts';
import { codeOf, golden } from './golden.ts';

const scalar: RawTensor = { dtype: 'U8', shape: [], data: Uint8Array.of(7) };

describe('serialize', () => {
  it.each(['every-dtype', 'awkward-names', 'much-metadata', 'empty', 'conversions', 'integers'])(
    'writes the content of %s, handed over in reverse, byte for byte as the reference does',
    (name) => {
      const file = golden(`${name}.safetensors`);
      const { tensors, metadata } = parse(file);
      expect(serialize({ tensors: [...tensors].reverse(), metadata })).toEqual(file);
    },
  );

  it('has seen every dtype that the reference writes: all but the 6-bit ones', () => {
    const { tensors } = parse(golden('every-dtype.safetensors'));
    const seen = new Set([...tensors.values()].map(({ dtype }) => dtype));
    expect(DTYPES.filter((dtype) => !seen.has(dtype))).toEqual(['F6_E2M3', 'F6_E3M2']);
  });

  it('packs 6-bit elements four to three bytes', () => {
    const tensor: RawTensor = { dtype: 'F6_E3M2', shape: [2, 4], data: new Uint8Array(6) };
    expect(parse(serialize({ tensors: [['x', tensor]] })).tensors.get('x')).toEqual(tensor);
    expect(codeOf(() => serialize({ tensors: [['x', { ...tensor, shape: [3] }]] }))).toBe('SIZE_MISMATCH');
  });

  it('aligns every tensor to its elements, whatever the order it gets them in', () => {
    const tensors = DTYPES.filter((dtype) => !/^F[46]/.test(dtype)).map((dtype, i): [string, RawTensor] => {
      const width = { 16: 2, 32: 4, 64: 8 }[dtype.slice(-2)] ?? 1;
      return [`t${i}`, { dtype, shape: [3], data: new Uint8Array(3 * width) }];
    });
    for (const { dtype, data } of parse(serialize({ tensors })).tensors.values()) {
      expect([dtype, data.byteOffset % (data.byteLength / 3)]).toEqual([dtype, 0]);
    }
  });

  it.each<[SafetensorsErrorCode, string, () => unknown]>([
    [
      'DUPLICATE_KEY',
      'a name twice',
      () =>
        serialize({
          tensors: [
            ['x', scalar],
            ['x', scalar],
          ],
        }),
    ],
    ['INVALID_TENSOR', 'the reserved name', () => serialize({ tensors: [['__metadata__', scalar]] })],
    ['INVALID_TENSOR', 'half a character in a name', () => serialize({ tensors: [['\ud83d', scalar]] })],
    [
      'INVALID_TENSOR',
      'a fractional shape',
      () => serialize({ tensors: [['x', { ...scalar, shape: [0.5] }]] }),
    ],
    ['INVALID_TENSOR', 'a negative shape', () => serialize({ tensors: [['x', { ...scalar, shape: [-1] }]] })],
    [
      'INVALID_TENSOR',
      'data that are not bytes',
      () => serialize({ tensors: [['x', { ...scalar, data: [7] as unknown as Uint8Array }]] }),
    ],
    [
      'INVALID_TENSOR',
      'metadata that are not text',
      () => serialize({ tensors: [], metadata: { step: 3 as unknown as string } }),
    ],
    [
      'UNKNOWN_DTYPE',
      'an unknown dtype',
      () => serialize({ tensors: [['x', { ...scalar, dtype: 'F7' as 'U8' }]] }),
    ],
    ['SIZE_MISMATCH', 'too few bytes', () => serialize({ tensors: [['x', { ...scalar, shape: [2] }]] })],
    [
      'SIZE_OVERFLOW',
      'an immense shape',
      () => serialize({ tensors: [['x', { ...scalar, shape: [2 ** 40, 2 ** 40] }]] }),
    ],
    [
      'HEADER_TOO_LARGE',
      'metadata beyond the limit',
      () => serialize({ tensors: [], metadata: { log: 'x'.repeat(100_000_000) } }),
    ],
  ])('refuses with %s: %s', (code, _, action) => {
    expect(codeOf(action)).toBe(code);
  });
});
