import { describe, expect, test } from 'vitest';

import { loadAddon } from '../src/addon.ts';
import { nativeStatus, registerNativeBackend, setThreads } from '../src/index.ts';
import { array, integer, pick, random } from './setup.ts';

const loaded = loadAddon();
if (!('addon' in loaded)) throw new Error(loaded.reason);
const { addon } = loaded;
type Call = (...args: unknown[]) => unknown;
const call = addon as unknown as Record<string, Call>;

const FUNCTIONS = [
  ...['conv2d', 'conv2dInputGradient', 'conv2dFilterGradient', 'matMul', 'unary', 'binary', 'compare'],
  ...['select', 'adam', 'reduce', 'normal', 'uniform', 'shortRun', 'setThreads', 'philox4x32'],
];

describe('the binding refuses what it cannot use', () => {
  test('wrong types and counts of arguments throw a TypeError, never crash', () => {
    const next = random(20);
    const odd = [
      ...[
        undefined,
        null,
        0,
        -1,
        1.5,
        NaN,
        Infinity,
        2 ** 31,
        2 ** 53,
        'x',
        {},
        [],
        Symbol('s'),
        5n,
        () => 0,
      ],
      ...[
        new Float32Array(0),
        new Float32Array(8),
        new Float64Array(8),
        new Uint8Array(8),
        new DataView(new ArrayBuffer(8)),
      ],
      ...[new Int32Array(0), Int32Array.of(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0), new ArrayBuffer(8)],
    ];
    const { threads } = nativeStatus();
    let refused = 0;
    for (let i = 0; i < 20_000; i++) {
      const args = Array.from({ length: integer(next, 0, 8) }, () => pick(next, odd));
      try {
        call[pick(next, FUNCTIONS)]!(...args);
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(15_000);
    setThreads(threads!);
  });

  test('shapes that do not fit the buffers, negative or overflowing, throw', () => {
    const next = random(21);
    const sizes = [-1, 0, 1, 2, 3, 7, 2 ** 20, 2 ** 30, 2 ** 31 - 1];
    const buffers = [0, 1, 4, 9, 100].map((length) => array(next, length));
    let refused = 0;
    for (let i = 0; i < 50_000; i++) {
      const shape = (n: number): Int32Array => Int32Array.from({ length: n }, () => pick(next, sizes));
      const f = (): Float32Array => pick(next, buffers);
      const calls: (() => unknown)[] = [
        () => call['conv2d']!(shape(15), f(), f(), f(), null, 0, 0, null, i % 2),
        () => call['conv2dInputGradient']!(shape(15), f(), f(), f(), i % 2),
        () => call['conv2dFilterGradient']!(shape(15), f(), f(), f(), i % 2),
        () => call['matMul']!(shape(7), f(), f(), f(), f(), 0, 0, null, i % 2),
        () => call['binary']!(integer(next, 0, 9), shape(3 * integer(next, 0, 6)), f(), f(), f(), 0),
        () => call['reduce']!(integer(next, 0, 2), shape(3), f(), f(), 1),
        () => call['normal']!(0, 0, 0, 0, pick(next, sizes), pick(next, sizes), f()),
      ];
      try {
        pick(next, calls)();
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(40_000);
  });

  test('convolutions whose sizes fit but whose geometry is absurd stay inside their buffers', () => {
    const next = random(22);
    for (let i = 0; i < 3000; i++) {
      const size = (): number => integer(next, 1, 5);
      const [ih = 0, iw = 0, oh = 0, ow = 0, kh = 0, kw = 0] = Array.from({ length: 6 }, size);
      const precision = i % 2;
      // What tiles of bfloat16 are made for, or not.
      const isWide = i % 4 === 1;
      const n = isWide ? integer(next, 8, 33) : size();
      const channels = (): number => (isWide ? integer(next, 16, 40) : size());
      const [ic, oc] = [channels(), channels()];
      const step = (): number => pick(next, [1, 2, 3, 1000, 2 ** 20]);
      const pad = (): number => pick(next, [-(2 ** 20), -7, -1, 0, 1, 9, 2 ** 20]);
      const shape = (dilation: () => number): Int32Array =>
        Int32Array.of(
          n,
          ih,
          iw,
          ic,
          oh,
          ow,
          oc,
          kh,
          kw,
          step(),
          step(),
          dilation(),
          dilation(),
          pad(),
          pad(),
        );
      // Memory around the buffers is checked for stray writes.
      const guarded = (length: number): { values: Float32Array; intact: () => void } => {
        const whole = new Float32Array(length + 64).fill(7);
        const intact = (): void => {
          expect(whole.subarray(0, 32).every((v) => v === 7)).toBe(true);
          expect(whole.subarray(32 + length).every((v) => v === 7)).toBe(true);
        };
        return { values: whole.subarray(32, 32 + length), intact };
      };
      const [x, filter, y] = [
        guarded(n * ih * iw * ic),
        guarded(kh * kw * ic * oc),
        guarded(n * oh * ow * oc),
      ];
      addon.conv2d(shape(step), x.values, filter.values, y.values, null, 0, 0, null, precision);
      addon.conv2dFilterGradient(shape(step), x.values, y.values, filter.values, precision);
      addon.conv2dInputGradient(
        shape(() => 1),
        y.values,
        filter.values,
        x.values,
        precision,
      );
      for (const buffer of [x, filter, y]) buffer.intact();
    }
  });
});

test('a stride far beyond the picture takes no working space of its size', () => {
  const [outWidth, outputs, rows] = [1024, 16, 1024];
  const shape = Int32Array.of(1, 1, 1, 1, 2, outWidth, outputs, 2 * rows, 1, rows, 2 ** 20, 1, 1, 0, 0);
  const x = Float32Array.of(3);
  const filter = Float32Array.from({ length: 2 * rows * outputs }, (_, i) => i + 1);
  const y = new Float32Array(2 * outWidth * outputs).fill(NaN);
  addon.conv2d(shape, x, filter, y, null, 0, 0, null, 0);
  expect(y).toEqual(Float32Array.from(y, (_, i) => (i < outputs ? 3 * (i + 1) : 0)));
});

test('nor does padding far beyond it, of a gradient in a filter', () => {
  const [size, channels, stride, out] = [128, 16, 64, 512];
  const near = [10, 10 + stride]; // the taps that meet the picture's only pixel
  const pad = stride * (out - 1) + near[0]!;
  const shape = Int32Array.of(
    1,
    1,
    1,
    channels,
    out,
    out,
    channels,
    size,
    size,
    stride,
    stride,
    1,
    1,
    pad,
    pad,
  );
  const x = Float32Array.from({ length: channels }, (_, c) => c + 1);
  const dFilter = new Float32Array(size * size * channels * channels).fill(NaN);
  addon.conv2dFilterGradient(shape, x, new Float32Array(out * out * channels).fill(2), dFilter, 0);
  const wrong = dFilter.findIndex((value, i) => {
    const tap = Math.floor(i / channels / channels);
    const meets = near.includes(Math.floor(tap / size)) && near.includes(tap % size);
    return value !== (meets ? 2 * x[Math.floor(i / channels) % channels]! : 0);
  });
  expect(wrong).toBe(-1);
});

test('registering twice is harmless and the status names what is in use', () => {
  expect(registerNativeBackend()).toBe(true);
  expect(registerNativeBackend()).toBe(true);
  expect(nativeStatus()).toMatchObject({
    available: true,
    instructionSet: expect.stringMatching(/avx512|avx2|portable/),
  });
});

test('bfloat16 is faster where tiles are multiplied, and not where its numbers are widened', () => {
  const { precisions, fastestPrecision } = nativeStatus();
  // Dot products of pairs depend on the maker.
  const known = { amx: 'bfloat16', avx512bf16: fastestPrecision, avx2: 'float32', portable: 'float32' };
  expect(fastestPrecision).toBe(known[precisions!.bfloat16 as keyof typeof known]);
  expect(['float32', 'bfloat16']).toContain(fastestPrecision);
});

test('setThreads changes the number of threads and refuses nonsense', () => {
  const { threads } = nativeStatus();
  setThreads(3);
  expect(nativeStatus().threads).toBe(3);
  for (const count of [0, -1, 1.5, 257, NaN]) expect(() => setThreads(count)).toThrow(TypeError);
  setThreads(threads!);
});
