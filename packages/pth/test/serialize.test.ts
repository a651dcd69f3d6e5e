import { describe, expect, it } from 'vitest';
import { fromFloat32, parse, type RawTensor } from '@srmcmc/safetensors';
import { serializeStateDict, stateDict, type PthErrorCode } from '../src/index.ts';
import { expectedTensors, golden, refusalOf, summarize } from './golden.ts';

const one: RawTensor = fromFloat32(Float32Array.of(1), [1]);

describe('serializeStateDict', () => {
  it('writes, byte for byte, the file that PyTorch was seen to load with weights_only=True', () => {
    const { tensors } = parse(golden('written.safetensors'));
    expect(serializeStateDict(tensors)).toEqual(golden('written.pth'));
  });

  it('writes what stateDict reads back', () => {
    expect(summarize(stateDict(golden('written.pth')))).toEqual(expectedTensors('written'));
    expect(stateDict(serializeStateDict([]))).toEqual(new Map());
  });

  it('aligns every tensor to 64 bytes, as PyTorch does', () => {
    for (const { data } of stateDict(golden('written.pth')).values()) {
      if (data.length > 0) expect(data.byteOffset % 64).toBe(0);
    }
  });

  it('keeps tied tensors tied', () => {
    const values = fromFloat32(Float32Array.of(1, 2, 3, 4), [4]);
    const transposed = { ...values, shape: [2, 2] };
    const apart = { ...values, data: values.data.slice() };
    const state = stateDict(serializeStateDict(Object.entries({ values, transposed, apart })));
    const [a, b, c] = [...state.values()].map(({ data }) => data.byteOffset);
    expect(b).toBe(a);
    expect(c).not.toBe(a);
  });

  it('writes names and tensors too long for small buffers', () => {
    const tensors = new Map([
      ['n'.repeat(200_000), fromFloat32(new Float32Array(100_000).fill(0.5), [100, 1000])],
    ]);
    expect(summarize(stateDict(serializeStateDict(tensors)))).toEqual(summarize(tensors));
  });

  it.each<[PthErrorCode, string, [string, RawTensor][]]>([
    [
      'UNSUPPORTED',
      'a dtype that PyTorch lacks',
      [['x', { dtype: 'F4', shape: [2], data: new Uint8Array(1) }]],
    ],
    [
      'INVALID_TENSOR',
      'a name twice',
      [
        ['x', one],
        ['x', one],
      ],
    ],
    ['INVALID_TENSOR', 'a name that is not Unicode', [['\ud83d', one]]],
    ['INVALID_TENSOR', 'too few bytes', [['x', { ...one, shape: [2] }]]],
    ['INVALID_TENSOR', 'too many bytes', [['x', { ...one, shape: [0] }]]],
    ['INVALID_TENSOR', 'a negative shape', [['x', { ...one, shape: [-1, -1] }]]],
    ['INVALID_TENSOR', 'an immense shape', [['x', { ...one, shape: [2 ** 40, 2 ** 40] }]]],
  ])('refuses with %s: %s', (code, _, tensors) => {
    expect(refusalOf(() => serializeStateDict(tensors))?.code).toBe(code);
  });
});
