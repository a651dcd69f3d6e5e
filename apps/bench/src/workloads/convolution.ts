/** The convolutions that the paper's networks consist of, one at a time: forward, input gradient, filter gradient. */
import * as tf from '@tensorflow/tfjs-core';
import { type Case, type Pass, PASSES } from '../protocol.ts';
import { awaitTensor, valuesOf } from './reading.ts';
import { sizedLayers } from './layers.ts';
import type { Work, Workload } from './workload.ts';

export const convolution: Workload = {
  name: 'convolution',
  unit: 'pass',
  description: "one pass through one layer of the network: its convolution, or that convolution's gradients",
  // The last layer is one dot product an image.
  cases: ({ side, width, chains }, { layers }) =>
    layers
      .slice(0, -1)
      .flatMap((_, layer) =>
        PASSES.map((pass): Case => ({ workload: 'convolution', side, width, chains, layer, pass })),
      ),
  unitsPerCall: () => 1,
  operations: ({ chains, layer }, network) => 2 * sizedLayers(network)[layer!]!.macs * chains,
  checkOperations: ({ layer }, network, images) => 2 * sizedLayers(network)[layer!]!.macs * images,
  extraInputs: (network) =>
    Object.fromEntries(
      sizedLayers(network).flatMap(({ inSide, outSide, inChannels, outChannels }, i) => [
        [`x.${i}`, [inSide, inSide, inChannels]],
        [`dy.${i}`, [outSide, outSide, outChannels]],
      ]),
    ),
  prepare: (work) => {
    const pass = passOf(work);
    return {
      run: () => {
        const y = pass.compute(pass.x, pass.dy);
        awaitTensor(y);
        y.dispose();
      },
      check: (count) => {
        const values = valuesOf(() => {
          const y = pass.compute(tf.slice(pass.x, 0, count), tf.slice(pass.dy, 0, count));
          return pass.isFilter ? tf.transpose(y, [3, 2, 0, 1]) : y;
        });
        return { values, parts: pass.isFilter ? 1 : count };
      },
      dispose: () => tf.dispose([pass.x, pass.dy]),
    };
  },
};

interface ComputedPass {
  readonly x: tf.Tensor4D;
  readonly dy: tf.Tensor4D;
  readonly isFilter: boolean;
  compute(x: tf.Tensor4D, dy: tf.Tensor4D): tf.Tensor;
}

function passOf({ case: one, energy, extra }: Work): ComputedPass {
  const layer = one.layer!;
  const { stride, padding } = energy.network.layers[layer]!;
  const [filter, bias] = Object.values<tf.Tensor>(energy.variables).slice(2 * layer, 2 * layer + 2) as [
    tf.Tensor4D,
    tf.Tensor1D,
  ];
  const attributes = { strides: [stride, stride], pad: padding, dataFormat: 'NHWC' };
  const computations: Record<Pass, ComputedPass['compute']> = {
    forward: (x) => tf.fused.conv2d({ x, filter, bias, strides: stride, pad: padding }),
    'input-gradient': (x, dy) =>
      tf.conv2dTranspose(dy, filter, x.shape as [number, number, number, number], stride, padding),
    'filter-gradient': (x, dy) =>
      tf.engine().runKernel(tf.Conv2DBackpropFilter, { x, dy }, {
        ...attributes,
        filterShape: filter.shape,
      } as unknown as tf.NamedAttrMap) as tf.Tensor,
  };
  return {
    x: extra(`x.${layer}`),
    dy: extra(`dy.${layer}`),
    isFilter: one.pass === 'filter-gradient',
    compute: computations[one.pass!],
  };
}
