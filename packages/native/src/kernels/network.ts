/** Networks as @srmcmc/core describes them, on their way to the addon. */

import type { NamedTensorInfoMap } from '@tensorflow/tfjs-core';

import { currentPrecision, type NetworkArguments, type Precision, PRECISION_CODES } from '../addon.ts';
import type { NativeBackend } from '../backend.ts';
import { areFloat, input } from './native-kernel.ts';

interface ActivationSpec {
  readonly name: string;
  readonly slope?: number;
}
interface ConvNetwork {
  readonly kind: 'conv';
  readonly imageShape: readonly number[];
  readonly layers: readonly {
    readonly kernel: number;
    readonly stride: number;
    readonly padding: number;
    readonly outChannels: number;
  }[];
  readonly activation: ActivationSpec;
}
interface MlpNetwork {
  readonly kind: 'mlp';
  readonly sizes: readonly number[];
  readonly activation: ActivationSpec;
}
export type Network = ConvNetwork | MlpNetwork;

/** Numbers of cpp/kernels.h's enum Activation. */
const ACTIVATIONS: Readonly<Record<string, number>> = {
  relu: 1,
  elu: 3,
  leakyRelu: 4,
  softplus: 7,
  swish: 8,
  gelu: 9,
  tanh: 10,
};

/** A network that was checked, and the kernel that asks for it. */
export interface CheckedNetwork {
  /** [height, width, channels], or [dimension]. */
  readonly eventShape: readonly number[];
  readonly layerCount: number;
  /** The first arguments of the addon's functions, for n events, in the precision that is set unless one is given. */
  call(n: number, precision?: Precision): NetworkArguments;
}

/**
 * A dense layer is a convolution of images of one pixel by a filter of one pixel.
 *
 * @throws TypeError, in the name of `kernel`, for what is no network.
 */
export function checkedNetwork(kernel: string, given: unknown): CheckedNetwork {
  const network = given as Network | undefined;
  const require = (holds: boolean, what: string): void => {
    if (!holds) throw new TypeError(`${kernel}: ${what}`);
  };
  require(network?.kind === 'conv' ||
    network?.kind === 'mlp', "'network' must be of the kind 'conv' or 'mlp'");
  const { kind, activation } = network!;
  const code = ACTIVATIONS[activation?.name];
  const { slope } = activation ?? {};
  require(code !== undefined, `the activation must be one of ${Object.keys(ACTIVATIONS).join(', ')}`);
  require(activation.name !== 'leakyRelu' || typeof slope === 'number', 'leakyRelu must have its slope');
  const { eventShape, layers } = network!.kind === 'conv' ? convolutions(network!) : dense(network!);
  require(Array.isArray(layers) && layers.length > 0, "'network' must have layers");
  require(eventShape?.length ===
    (kind === 'conv' ? 3 : 1), "'network.imageShape' must be [height, width, channels]");
  const image = kind === 'conv' ? eventShape : [1, 1, ...eventShape];
  const numbers = [...image, ...layers.flat()];
  require(numbers.every(
    (value) => Number.isInteger(value) && Math.abs(value) < 2 ** 31,
  ), "'network' must consist of integers");
  return {
    eventShape,
    layerCount: layers.length,
    call: (n, precision = currentPrecision()) => {
      require(Object.hasOwn(PRECISION_CODES, precision), "'precision' must be 'float32' or 'bfloat16'");
      return [Int32Array.of(n, ...numbers), code!, slope ?? 0, PRECISION_CODES[precision]];
    },
  };
}

interface Layers {
  readonly eventShape: readonly number[];
  /** Kernel, stride, padding and output channels of each. */
  readonly layers: readonly (readonly number[])[];
}

function convolutions({ imageShape, layers }: ConvNetwork): Layers {
  const numbers = layers?.map(({ kernel, stride, padding, outChannels }) => [
    kernel,
    stride,
    padding,
    outChannels,
  ]);
  return { eventShape: imageShape, layers: numbers };
}

function dense({ sizes = [] }: MlpNetwork): Layers {
  return { eventShape: sizes.slice(0, 1), layers: sizes.slice(1).map((units) => [1, 1, 0, units]) };
}

/** weight0, weight1, ...: each layer's filter [kernel, kernel, in, out] or [in, out], and its bias [out]. */
export function weightsOf(
  kernel: string,
  inputs: NamedTensorInfoMap,
  { layerCount }: CheckedNetwork,
  backend: NativeBackend,
): Float32Array[] {
  return Array.from({ length: 2 * layerCount }, (_, i) => {
    const weight = input(inputs, `weight${i}`);
    if (!areFloat(weight)) throw new TypeError(`${kernel}: 'weight${i}' must be float32`);
    return backend.floats(weight);
  });
}

/** The number of events in x [n, ...event]. Throws a TypeError for another shape. */
export function countOf(
  kernel: string,
  x: { readonly shape: readonly number[] },
  { eventShape }: CheckedNetwork,
): number {
  const [n = 0, ...event] = x.shape;
  if (event.join() !== eventShape.join())
    throw new TypeError(`${kernel}: 'x' must be [n, ${eventShape.join(', ')}], got [${x.shape.join(', ')}]`);
  return n;
}
