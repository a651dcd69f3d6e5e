/**
 * Times one value and input gradient of the paper's 32 px network (Nijkamp et al. 2019, section 7.4) for 64 chains
 * and reports it as a fraction of what the processor can do.
 *
 *     pnpm --filter @srmcmc/native bench [repetitions]
 */

import * as tf from '@tensorflow/tfjs-core';

import { loadAddon } from '../src/addon.ts';
import { BACKEND_NAME, nativeStatus, registerNativeBackend } from '../src/index.ts';

const CHAINS = 64;
const SIZE = 32;
const SLOPE = 0.2;

interface Layer {
  readonly filter: tf.Tensor4D;
  readonly bias: tf.Tensor1D;
  readonly stride: number;
  readonly pad: number;
}

const loaded = loadAddon();
if (!('addon' in loaded) || !registerNativeBackend()) throw new Error(nativeStatus().reason);
await tf.setBackend(BACKEND_NAME);
const repetitions = Number(process.argv[2] ?? 40);
const { addon } = loaded;
const { instructionSet, threads } = nativeStatus();
console.log(`${instructionSet}, ${threads} threads, m = ${CHAINS}`);
for (const n of [16, 32, 64]) measure(n);

function measure(n: number): void {
  const layers = network(n);
  const x = uniform([CHAINS, SIZE, SIZE, 3]) as tf.Tensor4D;
  let best = Infinity;
  let peak = addon.peakGflops();
  for (let i = 0; i < repetitions; i++) {
    const start = performance.now();
    tf.dispose(valueAndGradient(layers, x));
    best = Math.min(best, performance.now() - start);
  }
  // Other work on the machine slows either measurement: the best of both counts.
  peak = Math.max(peak, addon.peakGflops());
  const gflops = (4 * macs(n) * CHAINS) / best / 1e6;
  console.log(
    `n = ${String(n).padStart(2)}: ${best.toFixed(2)} ms a step, ${gflops.toFixed(0)} GFLOPS, ` +
      `${((100 * gflops) / peak).toFixed(0)} % of the fp32 peak of ${peak.toFixed(0)}`,
  );
  tf.dispose([x, ...layers.flatMap(({ filter, bias }) => [filter, bias])]);
}

function network(n: number): Layer[] {
  const layer = (size: number, from: number, to: number, stride: number, pad: number): Layer => ({
    filter: tf.tidy(() =>
      tf.mul(uniform([size, size, from, to]), Math.sqrt(3 / (size * size * from))),
    ) as tf.Tensor4D,
    bias: tf.zeros([to]) as tf.Tensor1D,
    stride,
    pad,
  });
  return [
    layer(3, 3, n, 1, 1),
    layer(4, n, 2 * n, 2, 1),
    layer(4, 2 * n, 4 * n, 2, 1),
    layer(4, 4 * n, 8 * n, 2, 1),
    layer(4, 8 * n, 1, 1, 0),
  ];
}

function valueAndGradient(layers: readonly Layer[], x: tf.Tensor4D): [tf.Tensor, tf.Tensor] {
  return tf.tidy(() => {
    const activations: tf.Tensor[] = [x];
    layers.forEach(({ filter, bias, stride, pad }, i) => {
      const isLast = i === layers.length - 1;
      activations.push(
        run(
          'FusedConv2D',
          { x: activations[i]!, filter, bias },
          {
            ...geometry(stride, pad),
            dilations: 1,
            activation: isLast ? 'linear' : 'leakyrelu',
            leakyreluAlpha: SLOPE,
          },
        ),
      );
    });
    const value = activations.at(-1)!;
    let dy: tf.Tensor = tf.onesLike(value);
    for (let i = layers.length - 1; i >= 0; i--) {
      const { filter, stride, pad } = layers[i]!;
      const inputShape = activations[i]!.shape;
      dy = run('Conv2DBackpropInput', { dy, filter }, { ...geometry(stride, pad), inputShape });
      if (i > 0) dy = run('LeakyReluGrad', { dy, y: activations[i]! }, { alpha: SLOPE });
    }
    return [value, dy];
  });
}

function geometry(stride: number, pad: number): { strides: number; pad: number; dataFormat: 'NHWC' } {
  return { strides: stride, pad, dataFormat: 'NHWC' };
}

function run(kernel: string, inputs: tf.NamedTensorMap, attrs: object): tf.Tensor {
  return tf.engine().runKernel(kernel, inputs, attrs as tf.NamedAttrMap) as tf.Tensor;
}

/** Multiply-adds of one image's forward pass. */
function macs(n: number): number {
  return 27 * 1024 * n + 16 * 256 * 2 * n * n + 16 * 64 * 8 * n * n + 16 * 16 * 32 * n * n + 128 * n;
}

function uniform(shape: number[]): tf.Tensor {
  return tf.randomUniform(shape, -1, 1, 'float32', 1);
}
