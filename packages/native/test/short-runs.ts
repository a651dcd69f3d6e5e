/** Short runs as attributes of the kernel, and the same steps made of tfjs operators and automatic differentiation. */

import * as tf from '@tensorflow/tfjs-core';

import { array, random } from './setup.ts';

interface Layer {
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly inChannels: number;
  readonly outChannels: number;
}
interface Activation {
  readonly name: 'leakyRelu' | 'relu' | 'elu' | 'softplus' | 'swish' | 'gelu' | 'tanh';
  readonly slope?: number;
}
interface ConvNetwork {
  readonly kind: 'conv';
  readonly imageShape: readonly [number, number, number];
  readonly layers: readonly Layer[];
  readonly activation: Activation;
}
interface MlpNetwork {
  readonly kind: 'mlp';
  readonly sizes: readonly number[];
  readonly activation: Activation;
}
export type Network = ConvNetwork | MlpNetwork;

export interface Run {
  readonly network: Network;
  readonly weights: readonly tf.Tensor[];
  readonly steps: number;
  readonly drift: readonly number[];
  readonly noise: readonly number[];
  readonly clampGradient: number;
  readonly clampSample: readonly [number, number];
  readonly snapshots: readonly number[];
  readonly key: readonly number[];
  readonly firstChain: number;
}
/** x, value, gradient norm, and the snapshots. */
export type Result = readonly Float32Array[];

const LEAKY = { name: 'leakyRelu', slope: 0.2 } as const;

/** A net laid out as the paper's. */
export function networkOf(
  imageShape: readonly [number, number, number],
  channels: readonly number[],
  activation: Activation = LEAKY,
): ConvNetwork {
  const [side, , colours] = imageShape;
  const layers = [...channels, 1].map((outChannels, i): Layer => {
    const inChannels = channels[i - 1] ?? colours;
    if (i === channels.length)
      return { kernel: side / 2 ** Math.max(i - 1, 0), stride: 1, padding: 0, inChannels, outChannels };
    if (i === 0) return { kernel: 3, stride: 1, padding: 1, inChannels, outChannels };
    return { kernel: 4, stride: 2, padding: 1, inChannels, outChannels };
  });
  return { kind: 'conv', imageShape, layers, activation };
}

/** Weights for which f' is of order 1 / steps, so that the chains move but do not run away; all of them times `scale`. */
export function weightsOf(network: Network, seed: number, scale = 1): tf.Tensor[] {
  const next = random(seed);
  const shapes =
    network.kind === 'conv'
      ? network.layers.map(({ kernel, inChannels, outChannels }) => [kernel, kernel, inChannels, outChannels])
      : network.sizes.slice(1).map((units, i) => [network.sizes[i]!, units]);
  return shapes.flatMap((shape) => {
    const bound = scale * Math.sqrt(3 / tf.util.sizeFromShape(shape.slice(0, -1)));
    return [
      tf.tensor(array(next, tf.util.sizeFromShape(shape), -bound, bound), shape),
      tf.tensor(array(next, shape.at(-1)!, -0.1 * scale, 0.1 * scale)),
    ];
  });
}

export function runOf(network: Network, steps: number, changes: Partial<Run> = {}): Run {
  return {
    network,
    weights: weightsOf(network, 3),
    steps,
    drift: Array.from({ length: steps }, () => 1),
    noise: Array.from({ length: steps }, () => 0.01),
    clampGradient: Infinity,
    clampSample: [-Infinity, Infinity],
    snapshots: [],
    key: [17, 0xfedcba98],
    firstChain: 5,
    ...changes,
  };
}

export function startOf(network: Network, chains: number): tf.Tensor {
  const shape = [chains, ...(network.kind === 'conv' ? network.imageShape : network.sizes.slice(0, 1))];
  return tf.tensor(array(random(4), tf.util.sizeFromShape(shape)), shape);
}

/** The kernel's inputs. */
export function inputsOf({ weights }: Pick<Run, 'weights'>, x: tf.Tensor): tf.NamedTensorMap {
  return { x, ...Object.fromEntries(weights.map((weight, i) => [`weight${i}`, weight])) };
}

/** The outputs of ShortRunLangevin; the tensors are disposed of. */
export function fused({ weights, ...attributes }: Run, x: tf.Tensor): Result {
  return tf.tidy(() =>
    (
      tf
        .engine()
        .runKernel(
          'ShortRunLangevin',
          inputsOf({ weights }, x),
          attributes as object as tf.NamedAttrMap,
        ) as unknown as tf.Tensor[]
    ).map((tensor) => Float32Array.from(tensor.dataSync())),
  ) as unknown as Result;
}

/** f of x, [n], from differentiable operators. */
export function negativeEnergy(network: Network, weights: readonly tf.Tensor[], x: tf.Tensor): tf.Tensor {
  const { activation } = network;
  const count = weights.length / 2;
  let h = x;
  for (let i = 0; i < count; i++) {
    const [filter, bias] = [weights[2 * i]!, weights[2 * i + 1]!];
    const layer = network.kind === 'conv' ? network.layers[i] : undefined;
    const product =
      layer === undefined
        ? tf.matMul(h as tf.Tensor2D, filter as tf.Tensor2D)
        : tf.conv2d(h as tf.Tensor4D, filter as tf.Tensor4D, layer.stride, layer.padding);
    h = tf.add(product, bias);
    if (i < count - 1) h = activated(h, activation);
  }
  return tf.reshape(h, [x.shape[0]!]);
}

function activated(x: tf.Tensor, { name, slope = 0 }: Activation): tf.Tensor {
  switch (name) {
    case 'leakyRelu':
      return tf.leakyRelu(x, slope);
    case 'swish':
      return tf.mul(x, tf.sigmoid(x));
    case 'gelu':
      return tf.mul(x, tf.mul(tf.add(tf.erf(tf.div(x, Math.SQRT2)), 1), 0.5));
    default:
      return tf[name](x);
  }
}

/** What ShortRunLangevin must give. */
export function reference(run: Run, start: tf.Tensor): Result {
  const { network, weights, clampGradient, clampSample, key, firstChain } = run;
  const chains = start.shape[0]!;
  return tf.tidy(() => {
    let x = start;
    const values: number[] = [];
    const norms: number[] = [];
    const snapshots: Float32Array[] = [];
    for (let step = 0; step < run.steps; step++) {
      const { value, grad } = tf.valueAndGrad((at: tf.Tensor) => negativeEnergy(network, weights, at))(
        x,
        tf.ones([chains]),
      );
      values.push(tf.mean(value).dataSync()[0]!);
      norms.push(tf.mean(tf.norm(tf.reshape(grad, [chains, -1]), 2, 1)).dataSync()[0]!);
      x = tf.add(x, tf.mul(tf.clipByValue(grad, -clampGradient, clampGradient), run.drift[step]!));
      if (key.length > 0) {
        const z = tf
          .engine()
          .runKernel('PhiloxNormal', {}, { shape: x.shape, key: [...key], firstChain, step }) as tf.Tensor;
        x = tf.add(x, tf.mul(z, run.noise[step]!));
      }
      x = tf.clipByValue(x, ...clampSample);
      if (run.snapshots.includes(step + 1)) snapshots.push(Float32Array.from(x.dataSync()));
    }
    return [
      Float32Array.from(x.dataSync()),
      Float32Array.from(values),
      Float32Array.from(norms),
      ...snapshots,
    ];
  }) as unknown as Result;
}
