/**
 * Times a Langevin step of the paper's 32 px networks (Nijkamp et al. 2019, section 7.4) for 64 chains, all steps in
 * one call and one by one, and reports both as fractions of what the processor can do.
 *
 *     pnpm --filter @srmcmc/native bench [repetitions]
 */

import * as tf from '@tensorflow/tfjs-core';

import { loadAddon } from '../src/addon.ts';
import { BACKEND_NAME, nativeStatus, registerNativeBackend, setThreads } from '../src/index.ts';

const CHAINS = 64;
const SIZE = 32;
const SLOPE = 0.2;
const DRIFT = 1;
const NOISE = 0.01;
const KEY = [1, 2];
/** Steps of a run: enough for what a call costs once to count as little as it does with the paper's 100. */
const STEPS = 5;

interface Layer {
  readonly filter: tf.Tensor4D;
  readonly bias: tf.Tensor1D;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly outChannels: number;
}

const loaded = loadAddon();
if (!('addon' in loaded) || !registerNativeBackend()) throw new Error(nativeStatus().reason);
await tf.setBackend(BACKEND_NAME);
const repetitions = Number(process.argv[2] ?? 10);
const { addon } = loaded;
const { instructionSet, threads } = nativeStatus();
console.log(`${instructionSet}, m = ${CHAINS}, best of ${repetitions} runs of ${STEPS} steps`);
for (const count of new Set([1, threads!])) for (const n of [16, 32, 64]) measure(n, count);

function measure(n: number, count: number): void {
  setThreads(count);
  const layers = network(n);
  const x = uniform([CHAINS, SIZE, SIZE, 3]) as tf.Tensor4D;
  let [fused, single, peak] = [Infinity, Infinity, 0];
  // Other work on the machine slows all three: they take turns, and the best of each counts.
  for (let i = 0; i < repetitions; i++) {
    peak = Math.max(peak, addon.peakGflops());
    fused = Math.min(fused, time(() => inOneCall(layers, x)) / STEPS);
    single = Math.min(single, time(() => oneByOne(layers, x)) / STEPS);
  }
  const report = (ms: number): string => {
    const gflops = (4 * macs(n) * CHAINS) / ms / 1e6;
    return `${ms.toFixed(2)} ms a step, ${gflops.toFixed(0)} GFLOPS, ${((100 * gflops) / peak).toFixed(0)} %`;
  };
  console.log(
    `n = ${n}, ${count} thread${count > 1 ? 's' : ''}: in one call ${report(fused)}; one by one ${report(single)} ` +
      `(of the fp32 peak of ${peak.toFixed(0)}): ${(single / fused).toFixed(2)} times as fast`,
  );
  tf.dispose([x, ...layers.flatMap(({ filter, bias }) => [filter, bias])]);
}

function time(run: () => tf.Tensor[]): number {
  const start = performance.now();
  const results = run();
  const elapsed = performance.now() - start;
  tf.dispose(results);
  return elapsed;
}

function network(n: number): Layer[] {
  const layer = (kernel: number, from: number, to: number, stride: number, padding: number): Layer => ({
    filter: tf.tidy(() =>
      tf.mul(uniform([kernel, kernel, from, to]), Math.sqrt(3 / (kernel * kernel * from))),
    ) as tf.Tensor4D,
    bias: tf.zeros([to]) as tf.Tensor1D,
    kernel,
    stride,
    padding,
    outChannels: to,
  });
  return [
    layer(3, 3, n, 1, 1),
    layer(4, n, 2 * n, 2, 1),
    layer(4, 2 * n, 4 * n, 2, 1),
    layer(4, 4 * n, 8 * n, 2, 1),
    layer(4, 8 * n, 1, 1, 0),
  ];
}

function inOneCall(layers: readonly Layer[], x: tf.Tensor4D): tf.Tensor[] {
  const weights = layers.flatMap(({ filter, bias }) => [filter, bias]);
  const inputs = { x, ...Object.fromEntries(weights.map((weight, i) => [`weight${i}`, weight])) };
  const attributes = {
    drift: new Array(STEPS).fill(DRIFT),
    noise: new Array(STEPS).fill(NOISE),
    clampGradient: Infinity,
    clampSample: [-Infinity, Infinity],
    network: {
      kind: 'conv',
      imageShape: x.shape.slice(1),
      layers: layers.map(({ kernel, stride, padding, outChannels }) => ({
        kernel,
        stride,
        padding,
        outChannels,
      })),
      activation: { name: 'leakyRelu', slope: SLOPE },
    },
    steps: STEPS,
    key: KEY,
    firstChain: 0,
  };
  const results = tf.engine().runKernel('ShortRunLangevin', inputs, attributes as unknown as tf.NamedAttrMap);
  return results as tf.Tensor[];
}

function oneByOne(layers: readonly Layer[], start: tf.Tensor4D): tf.Tensor[] {
  let x = start.clone();
  for (let step = 0; step < STEPS; step++) {
    const next = tf.tidy(() => {
      const gradient = gradientAt(layers, x);
      const z = run('PhiloxNormal', {}, { shape: x.shape, key: KEY, firstChain: 0, step });
      return tf.add(tf.add(x, gradient), tf.mul(z, NOISE)) as tf.Tensor4D;
    });
    x.dispose();
    x = next;
  }
  return [x];
}

function gradientAt(layers: readonly Layer[], x: tf.Tensor4D): tf.Tensor {
  const activations: tf.Tensor[] = [x];
  layers.forEach(({ filter, bias, stride, padding }, i) => {
    const activation = i === layers.length - 1 ? 'linear' : 'leakyrelu';
    const attributes = { ...geometry(stride, padding), dilations: 1, activation, leakyreluAlpha: SLOPE };
    activations.push(run('FusedConv2D', { x: activations[i]!, filter, bias }, attributes));
  });
  let dy: tf.Tensor = tf.onesLike(activations.at(-1)!);
  for (let i = layers.length - 1; i >= 0; i--) {
    const { filter, stride, padding } = layers[i]!;
    const inputShape = activations[i]!.shape;
    dy = run('Conv2DBackpropInput', { dy, filter }, { ...geometry(stride, padding), inputShape });
    if (i > 0) dy = run('LeakyReluGrad', { dy, y: activations[i]! }, { alpha: SLOPE });
  }
  return dy;
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
