/** Convolutions and matrix products in bfloat16: those of the rounded operands, summed in single precision. */
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, describe, expect, test } from 'vitest';

import {
  BACKEND_NAME,
  currentConvolutionPrecision,
  currentPrecision,
  type Precision,
  setConvolutionPrecision,
  setPrecision,
} from '../src/index.ts';
import { type Input, inputOf, integer, on, pick, random, relativeError } from './setup.ts';

afterEach(() => {
  setConvolutionPrecision('float32');
  setPrecision('float32');
});

const T4 = (x: tf.Tensor | undefined): tf.Tensor4D => x as tf.Tensor4D;
type Operation = (...tensors: tf.Tensor[]) => tf.Tensor;

/** To the nearest number of 8 significant bits, ties to even. */
function toBfloat16(x: number): number {
  if (x === 0) return 0;
  const unit = 2 ** (Math.floor(Math.log2(Math.abs(x))) - 7);
  const [low, rest] = [Math.floor(x / unit), x / unit - Math.floor(x / unit)];
  return (rest > 0.5 || (rest === 0.5 && low % 2 !== 0) ? low + 1 : low) * unit;
}

/** Products of fewer channels on either side are left in single precision. */
const FEW = 16;

/**
 * The first two inputs are the operands; others, a bias say, are not rounded. `channels` are those on either side of the
 * product.
 */
function expectRoundedProduct(
  inputs: readonly Input[],
  channels: readonly [number, number],
  f: Operation,
  what: string,
): void {
  const rounded = inputs.map((input, i) =>
    i < 2 ? { ...input, values: input.values.map(toBfloat16) } : input,
  );
  const truth = on('cpu', rounded, f);
  setConvolutionPrecision('bfloat16');
  const actual = on(BACKEND_NAME, inputs, f);
  setConvolutionPrecision('float32');
  expect(actual.shape, what).toEqual(truth.shape);
  if (Math.min(...channels) < FEW) {
    expect(actual, what).toEqual(on(BACKEND_NAME, inputs, f));
    return;
  }
  expect(relativeError(actual.values, truth.values), what).toBeLessThan(4e-6);
  // Rounded it is: single precision is another number.
  expect(relativeError(on(BACKEND_NAME, inputs, f).values, truth.values), what).toBeGreaterThan(1e-4);
}

type Four = [number, number, number, number];

interface Shape {
  readonly x: number[];
  readonly filter: Four;
  readonly strides: [number, number];
  readonly dilations: [number, number];
  readonly pad: [[0, 0], [number, number], [number, number], [0, 0]];
}

/** Half of them fill tiles of 16 images by 32 channels; others have few images, few channels or both. */
function shapeOf(next: () => number, i: number, dilated: boolean): Shape {
  const fills = i % 2 === 0;
  const channels = (): number => (fills ? integer(next, 16, 34) : pick(next, [3, 17, 20]));
  const into = channels();
  const side = (): number => integer(next, 5, 7);
  const padding = (): [number, number] => [integer(next, 0, 2), integer(next, 0, 2)];
  return {
    x: [fills ? integer(next, 8, 20) : integer(next, 1, 9), side(), side(), into],
    filter: [integer(next, 1, dilated ? 3 : 4), integer(next, 1, 4), into, channels()],
    strides: dilated ? [1, 1] : [integer(next, 1, 3), integer(next, 1, 3)],
    dilations: dilated ? [2, 1] : [1, 1],
    pad: [[0, 0], padding(), padding(), [0, 0]],
  };
}

describe('products in bfloat16 are those of the rounded operands, or of few channels as they are, for any stride and padding', () => {
  test('convolutions with bias and activation, dilated ones too', () => {
    const next = random(21);
    for (let i = 0; i < 24; i++) {
      const { x, filter, ...geometry } = shapeOf(next, i, i % 6 > 3);
      const activation = i % 3 === 0 ? 'relu' : 'linear';
      expectRoundedProduct(
        [x, filter, [filter[3]]].map((shape) => inputOf(next, shape)),
        [filter[2], filter[3]],
        (image, weights, bias) =>
          tf.fused.conv2d({ x: T4(image), filter: T4(weights), bias: bias!, activation, ...geometry }),
        JSON.stringify({ x, filter, ...geometry }),
      );
    }
  });

  test('their gradients in the input and in the filter', () => {
    const next = random(22);
    for (let i = 0; i < 24; i++) {
      const { x, filter, strides, pad } = shapeOf(next, i, false);
      const dy = tf.backend_util.computeConv2DInfo(x as Four, filter, strides, [1, 1], pad).outShape;
      const [image, weights, gradient] = [x, filter, dy].map((shape) => inputOf(next, shape));
      const what = JSON.stringify({ x, filter, strides, pad });
      expectRoundedProduct(
        [gradient!, weights!, image!],
        [filter[2], filter[3]],
        (dy, weights, image) => tf.grad((x) => tf.conv2d(T4(x), T4(weights), strides, pad))(image!, dy),
        what,
      );
      expectRoundedProduct(
        [image!, gradient!, weights!],
        [filter[2], filter[3]],
        (image, dy, weights) => tf.grad((w) => tf.conv2d(T4(image), T4(w), strides, pad))(weights!, dy),
        what,
      );
    }
  });

  test('matrix products, transposed or not, and filters of one pixel for any number of images', () => {
    const next = random(23);
    for (const [rows, inner, columns] of [
      [64, 40, 33],
      [39, 16, 70],
      [5, 300, 20],
      [16, 7, 9],
    ] as const)
      for (const [ta, tb] of [
        [false, false],
        [true, true],
      ] as const)
        expectRoundedProduct(
          [
            inputOf(next, ta ? [inner, rows] : [rows, inner]),
            inputOf(next, tb ? [columns, inner] : [inner, columns]),
          ],
          [inner, columns],
          (a, b) => tf.matMul(a!, b!, ta, tb),
          `${rows}, ${inner}, ${columns}, ${ta}`,
        );
    for (const images of [1, 3, 16])
      expectRoundedProduct(
        [inputOf(next, [images, 5, 7, 33]), inputOf(next, [1, 1, 33, 20])],
        [33, 20],
        (x, filter) => tf.conv2d(T4(x), T4(filter), 1, 'valid'),
        `${images} images`,
      );
  });
});

describe('FusedConv2DInPrecision', () => {
  const next = random(25);
  const inputs = [[16, 6, 6, 32], [3, 3, 32, 32], [32]].map((shape) => inputOf(next, shape));
  const geometry = {
    strides: [1, 1],
    pad: 'same',
    dilations: [1, 1],
    dataFormat: 'NHWC',
    activation: 'relu',
  };
  const convolve =
    (attributes: object): Operation =>
    (x, filter, bias) =>
      tf.engine().runKernel('FusedConv2DInPrecision', { x, filter, bias } as unknown as tf.NamedTensorMap, {
        ...geometry,
        ...attributes,
      }) as tf.Tensor;

  test.each(['float32', 'bfloat16'] as const)('computes in %s whatever is set', (precision) => {
    const other = precision === 'float32' ? 'bfloat16' : 'float32';
    setConvolutionPrecision(precision);
    const fused: Operation = (x, filter, bias) =>
      tf.fused.conv2d({
        ...{ x: T4(x), filter: T4(filter), bias: bias!, strides: 1, pad: 'same', activation: 'relu' },
      });
    const expected = on(BACKEND_NAME, inputs, fused);
    setConvolutionPrecision(other);
    expect(on(BACKEND_NAME, inputs, convolve({ precision }))).toEqual(expected);
    expect(on(BACKEND_NAME, inputs, convolve({ precision: other }))).not.toEqual(expected);
  });

  test('refuses other precisions, and none', () => {
    const problem = "FusedConv2DInPrecision: 'precision' must be 'float32' or 'bfloat16'";
    expect(() => on(BACKEND_NAME, inputs, convolve({ precision: 'float16' }))).toThrow(problem);
    expect(() => on(BACKEND_NAME, inputs, convolve({}))).toThrow(problem);
  });
});

describe('two settings that do not touch each other', () => {
  test('start as float32, are read where they were set, and refuse other names', () => {
    expect([currentPrecision(), currentConvolutionPrecision()]).toEqual(['float32', 'float32']);
    setConvolutionPrecision('bfloat16');
    expect([currentPrecision(), currentConvolutionPrecision()]).toEqual(['float32', 'bfloat16']);
    setPrecision('bfloat16');
    setConvolutionPrecision('float32');
    expect([currentPrecision(), currentConvolutionPrecision()]).toEqual(['bfloat16', 'float32']);
    expect(() => setConvolutionPrecision('float16' as Precision)).toThrow(
      "setConvolutionPrecision: the precision must be 'float32' or 'bfloat16', got 'float16'",
    );
  });

  test("setPrecision leaves TensorFlow.js's own convolutions in single precision", () => {
    const next = random(24);
    const inputs = [inputOf(next, [16, 6, 6, 32]), inputOf(next, [3, 3, 32, 32])];
    const convolve: Operation = (x, filter) => tf.conv2d(T4(x), T4(filter), 1, 'same');
    const single = on(BACKEND_NAME, inputs, convolve);
    setPrecision('bfloat16');
    expect(on(BACKEND_NAME, inputs, convolve)).toEqual(single);
  });
});
