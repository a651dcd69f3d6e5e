import * as tf from '@tensorflow/tfjs-core';
import { describe, test } from 'vitest';

import { expectAgreement, inputOf, integer, pick, random } from './setup.ts';

const T4 = (x: tf.Tensor): tf.Tensor4D => x as tf.Tensor4D;
type Pad = 'same' | 'valid' | number | [[0, 0], [number, number], [number, number], [0, 0]];

interface Case {
  readonly batch: number;
  readonly size: [number, number];
  readonly channels: [number, number];
  readonly filter: [number, number];
  readonly strides: [number, number];
  readonly dilations: [number, number];
  readonly pad: Pad;
}

/** Shapes of all kinds: odd sizes and channel counts, batches smaller and larger than a tile. */
function draw(next: () => number, dilated: boolean): Case {
  const filter: [number, number] = [integer(next, 1, 5), integer(next, 1, 5)];
  const dilations: [number, number] = dilated ? [integer(next, 1, 3), integer(next, 1, 3)] : [1, 1];
  const explicit: Pad = [
    [0, 0],
    [integer(next, 0, 3), integer(next, 0, 3)],
    [integer(next, 0, 3), integer(next, 0, 3)],
    [0, 0],
  ];
  return {
    batch: pick(next, [1, 2, 3, 4, 5, 7, 13]),
    size: [integer(next, 13, 17), integer(next, 13, 18)],
    channels: [pick(next, [1, 2, 3, 5, 8, 17, 33]), pick(next, [1, 2, 3, 7, 8, 9, 16, 19, 33, 40])],
    filter,
    strides: dilated ? [1, 1] : [integer(next, 1, 3), integer(next, 1, 4)],
    dilations,
    pad: pick(next, ['same', 'valid', explicit] as const),
  };
}

function inputs(next: () => number, c: Case) {
  return [
    inputOf(next, [c.batch, ...c.size, c.channels[0]]),
    inputOf(next, [...c.filter, ...c.channels]),
  ] as const;
}

describe('convolutions agree with the cpu backend on random shapes', () => {
  test('forward, any stride, dilation and padding', () => {
    const next = random(1);
    for (let i = 0; i < 80; i++) {
      const c = draw(next, i % 2 === 1);
      expectAgreement(
        inputs(next, c),
        (x, filter) => tf.conv2d(T4(x!), T4(filter!), c.strides, c.pad, 'NHWC', c.dilations),
        JSON.stringify(c),
      );
    }
  });

  test('gradient with respect to the input', () => {
    const next = random(2);
    for (let i = 0; i < 60; i++) {
      const c = draw(next, false);
      const dy = inputOf(next, outShape(c));
      expectAgreement(
        [...inputs(next, c), dy],
        (x, filter, dy) => tf.grad((x) => tf.conv2d(T4(x), T4(filter!), c.strides, c.pad, 'NHWC'))(x!, dy!),
        JSON.stringify(c),
      );
    }
  });

  test('gradient with respect to the filter', () => {
    const next = random(3);
    for (let i = 0; i < 40; i++) {
      const c = draw(next, false);
      const dy = inputOf(next, outShape(c));
      expectAgreement(
        [...inputs(next, c), dy],
        (x, filter, dy) =>
          tf.grad((filter) => tf.conv2d(T4(x!), T4(filter), c.strides, c.pad, 'NHWC'))(filter!, dy!),
        JSON.stringify(c),
        4e-6,
      );
    }
  });

  test('bias and activation fused into the convolution', () => {
    const next = random(4);
    for (const activation of ['linear', 'relu', 'relu6', 'elu', 'leakyrelu', 'prelu', 'sigmoid'] as const)
      for (let i = 0; i < 6; i++) {
        const c = draw(next, false);
        expectAgreement(
          [...inputs(next, c), inputOf(next, [c.channels[1]]), inputOf(next, [c.channels[1]])],
          (x, filter, bias, slopes) =>
            tf.fused.conv2d({
              x: T4(x!),
              filter: T4(filter!),
              strides: c.strides,
              pad: c.pad,
              bias: bias!,
              activation,
              leakyreluAlpha: 0.2,
              ...(activation === 'prelu' ? { preluActivationWeights: slopes! } : {}),
            }),
          `${activation} ${JSON.stringify(c)}`,
        );
      }
  });

  test('long sums, cut into several passes over a panel', () => {
    const next = random(5);
    for (const [channels, outputs, size] of [
      [300, 33, 4],
      [1000, 5, 2],
      [700, 1, 3],
    ] as const) {
      const data = [inputOf(next, [7, size, size, channels]), inputOf(next, [2, 2, channels, outputs])];
      expectAgreement(data, (x, f) => tf.conv2d(T4(x!), T4(f!), 1, 'same'), `${channels} to ${outputs}`);
      expectAgreement(
        data,
        (x, f) => tf.grad((x) => tf.conv2d(T4(x), T4(f!), 1, 'same'))(x!),
        `gradient, ${channels} to ${outputs}`,
      );
    }
  });
});

function outShape(c: Case): number[] {
  return tf.backend_util.computeConv2DInfo(
    [c.batch, ...c.size, c.channels[0]],
    [...c.filter, ...c.channels],
    c.strides,
    c.dilations,
    c.pad,
  ).outShape;
}
