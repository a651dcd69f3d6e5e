import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  fromFloat32,
  fromTypedArray,
  parse,
  toFloat32,
  toTypedArray,
  type FloatDtype,
  type RawTensor,
} from '../src/index.ts';
import { codeOf, golden, goldenJson } from './golden.ts';

const MINIFLOATS = ['F16', 'BF16', 'F8_E5M2', 'F8_E4M3', 'F8_E5M2FNUZ', 'F8_E4M3FNUZ'] as const;

/** One tensor of all codes of a format, in order. */
function allCodes(dtype: RawTensor['dtype']): RawTensor {
  const wide = dtype === 'F16' || dtype === 'BF16';
  const codes = wide ? new Uint16Array(65536) : new Uint8Array(256);
  codes.forEach((_, i) => (codes[i] = i));
  return fromTypedArray(codes, [codes.length], dtype);
}

/** The bits of floats, with every NaN the same. */
function bitsOf(values: Float32Array): Uint32Array {
  const bits = new Uint32Array(values.length);
  new Float32Array(bits.buffer).set(values);
  values.forEach((value, i) => Number.isNaN(value) && (bits[i] = 0x7fc00000));
  return bits;
}

describe('toFloat32', () => {
  it.each(Object.entries(goldenJson<Record<string, string>>('decoded-digests.json')))(
    'decodes every code of %s as numpy and ml_dtypes do',
    (dtype, digest) => {
      const values = toFloat32(allCodes(dtype as RawTensor['dtype']));
      expect(createHash('sha256').update(bitsOf(values)).digest('hex')).toBe(digest);
    },
  );

  it.each(['I64', 'U64'])('rounds %s once, as numpy does, about every tie', (dtype) => {
    const { tensors } = parse(golden('integers.safetensors'));
    const integers = tensors.get(dtype)!;
    expect(integers.shape[0]).toBeGreaterThan(100);
    expect(toFloat32(integers)).toEqual(toTypedArray(tensors.get(`${dtype} rounded`)! as RawTensor<'F32'>));
  });

  it('reads the plain number types by value', () => {
    const cases: [RawTensor, number[]][] = [
      [fromTypedArray(Int8Array.of(-128, 127), [2], 'I8'), [-128, 127]],
      [fromTypedArray(Uint8Array.of(0, 255), [2], 'U8'), [0, 255]],
      [fromTypedArray(Uint8Array.of(0, 1), [2], 'BOOL'), [0, 1]],
      [fromTypedArray(Int16Array.of(-32768, 5), [2], 'I16'), [-32768, 5]],
      [fromTypedArray(Uint16Array.of(65535, 5), [2], 'U16'), [65535, 5]],
      [fromTypedArray(Int32Array.of(-(2 ** 24) - 1, 5), [2], 'I32'), [-(2 ** 24), 5]],
      [fromTypedArray(Uint32Array.of(2 ** 32 - 1, 5), [2], 'U32'), [2 ** 32, 5]],
      [fromTypedArray(Float32Array.of(0.1, -0), [2], 'F32'), [Math.fround(0.1), -0]],
      [fromTypedArray(Float64Array.of(0.1, 1e300), [2], 'F64'), [Math.fround(0.1), Infinity]],
    ];
    for (const [tensor, values] of cases) expect([...toFloat32(tensor)]).toEqual(values);
  });

  it('refuses what is not a real number of whole bytes', () => {
    expect(codeOf(() => toFloat32(fromTypedArray(new Float32Array(2), [1], 'C64')))).toBe(
      'UNSUPPORTED_DTYPE',
    );
    expect(codeOf(() => toFloat32(fromTypedArray(new Uint8Array(1), [2], 'F4')))).toBe('UNSUPPORTED_DTYPE');
  });
});

describe('fromFloat32', () => {
  const { tensors } = parse(golden('conversions.safetensors'));
  const values = toTypedArray(tensors.get('values')! as RawTensor<'F32'>);

  it.each(MINIFLOATS)('rounds to %s as numpy and ml_dtypes do, at and about every boundary', (dtype) => {
    const ours = fromFloat32(values, [values.length], dtype);
    // Formats with several NaNs differ in which of them is chosen, so the codes are compared through their values.
    expect(bitsOf(toFloat32(ours))).toEqual(bitsOf(toFloat32(tensors.get(dtype)!)));
  });

  it.each(MINIFLOATS)('gives back every code of %s', (dtype) => {
    const codes = allCodes(dtype);
    const there = toFloat32(codes);
    const back = toTypedArray(fromFloat32(there, codes.shape, dtype));
    const same = toTypedArray(codes as RawTensor<'F16'>);
    there.forEach((value, i) => Number.isNaN(value) || expect(back[i]).toBe(same[i]));
  });

  it('leaves F32 as it is and widens to F64 exactly', () => {
    expect(fromFloat32(values, [values.length]).data.buffer).toBe(values.buffer);
    expect(toFloat32(fromFloat32(values, [values.length], 'F64'))).toEqual(values);
  });

  it('refuses a shape of another size and a type that is not a float', () => {
    expect(codeOf(() => fromFloat32(values, [3]))).toBe('SIZE_MISMATCH');
    expect(codeOf(() => fromFloat32(values, [values.length], 'I32' as FloatDtype))).toBe('UNSUPPORTED_DTYPE');
  });
});

describe('toTypedArray', () => {
  it('is a view of aligned bytes and a copy of misaligned ones, with the same elements', () => {
    const bytes = new Uint8Array(32);
    bytes.set(new Uint8Array(Float64Array.of(Math.PI).buffer), 8);
    bytes.set(new Uint8Array(Float64Array.of(Math.PI).buffer), 19);
    const aligned = toTypedArray({ dtype: 'F64', shape: [1], data: bytes.subarray(8, 16) });
    const misaligned = toTypedArray({ dtype: 'F64', shape: [], data: bytes.subarray(19, 27) });
    expect([aligned[0], misaligned[0]]).toEqual([Math.PI, Math.PI]);
    expect(aligned.buffer).toBe(bytes.buffer);
    expect(misaligned.buffer).not.toBe(bytes.buffer);
  });

  it('copies a misaligned Node buffer into memory of its own', () => {
    const pooled = Buffer.from('.\u0001\u0002\u0003\u0004', 'latin1').subarray(1);
    const elements = toTypedArray({ dtype: 'U32', shape: [1], data: pooled });
    expect(elements[0]).toBe(0x04030201);
  });

  it('refuses data of another length than shape and dtype say, and a typed array of another type', () => {
    expect(codeOf(() => toTypedArray({ dtype: 'F32', shape: [2], data: new Uint8Array(4) }))).toBe(
      'SIZE_MISMATCH',
    );
    expect(codeOf(() => fromTypedArray(new Int32Array(1) as never, [1], 'F32'))).toBe('SIZE_MISMATCH');
  });
});
