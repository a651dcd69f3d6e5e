/** K Langevin steps on a convolutional energy in one call: the kernel that @srmcmc/core's `runChains` looks for. */

import type { NamedTensorInfoMap, TensorInfo } from '@tensorflow/tfjs-core';

import type { NativeBackend } from '../backend.ts';
import { areFloat, input, type NativeKernel } from './native-kernel.ts';

/** A network as plain data, as @srmcmc/core describes it. */
interface ConvNetwork {
  readonly kind: string;
  readonly imageShape: readonly number[];
  readonly layers: readonly {
    readonly kernel: number;
    readonly stride: number;
    readonly padding: number;
    readonly outChannels: number;
  }[];
  readonly activation: { readonly name: string; readonly slope?: number };
}

interface ShortRunLangevinAttrs {
  /** x ← x + drift[t] · f'(x) + noise[t] · z at step t < steps. */
  readonly drift: readonly number[];
  readonly noise: readonly number[];
  /** Bounds of the gradient's elements and of x's; infinite where off. */
  readonly clampGradient: number;
  readonly clampSample: readonly [low: number, high: number];
  readonly network: ConvNetwork;
  readonly steps: number;
  /** Two words, or none where the noise is off. */
  readonly key: readonly number[];
  readonly firstChain: number;
}

export const shortRunKernels: Readonly<Record<string, NativeKernel<TensorInfo[]>>> = {
  ShortRunLangevin: ({ inputs, attrs, backend }) => {
    const x = input(inputs, 'x');
    if (!areFloat(x)) return undefined;
    const { network, steps, key, ...options } = checked(attrs);
    const [chains = 0, ...event] = x.shape;
    if (event.join() !== network.imageShape.join())
      throw new TypeError(
        `${NAME}: 'x' must be [n, ${network.imageShape.join(', ')}], got [${x.shape.join(', ')}]`,
      );
    const weights = weightsOf(inputs, network.layers.length, backend);
    const results = [backend.output(x.shape), backend.output([steps]), backend.output([steps])] as const;
    try {
      backend.addon.shortRun(
        shapeOf(network, chains, steps),
        slopeOf(network),
        options.clampGradient,
        options.clampSample[0],
        options.clampSample[1],
        key[0] ?? 0,
        key[1] ?? 0,
        options.firstChain,
        Float32Array.from(options.drift),
        key.length === 0 ? new Float32Array(steps) : Float32Array.from(options.noise),
        backend.floats(x),
        ...results.map(({ values }) => values),
        ...weights,
      );
    } catch (error) {
      for (const { info } of results) backend.disposeData(info.dataId);
      throw error;
    }
    return results.map(({ info }) => info);
  },
};

const NAME = 'ShortRunLangevin';

function checked(attrs: object): ShortRunLangevinAttrs {
  const given = attrs as Partial<ShortRunLangevinAttrs>;
  const { network, steps, drift, noise, clampSample, key } = given;
  const require = (holds: boolean, what: string): void => {
    if (!holds) throw new TypeError(`${NAME}: ${what}`);
  };
  require(network?.kind === 'conv' && Array.isArray(network.layers), "'network' must be convolutional");
  require(network?.imageShape?.length === 3, "'network.imageShape' must be [height, width, channels]");
  require(Number.isInteger(steps) && steps! >= 1, "'steps' must be a positive integer");
  require(drift?.length === steps &&
    noise?.length === steps, "'drift' and 'noise' must have a number a step");
  require(clampSample?.length === 2, "'clampSample' must be [low, high]");
  require(key?.length === 0 || key?.length === 2, "'key' must be two words or none");
  return given as ShortRunLangevinAttrs;
}

/** weight0, weight1, ...: each layer's filter [kernel, kernel, in, out] and bias [out]. */
function weightsOf(inputs: NamedTensorInfoMap, layers: number, backend: NativeBackend): Float32Array[] {
  return Array.from({ length: 2 * layers }, (_, i) => {
    const weight = input(inputs, `weight${i}`);
    if (!areFloat(weight)) throw new TypeError(`${NAME}: 'weight${i}' must be float32`);
    return backend.floats(weight);
  });
}

function slopeOf({ activation }: ConvNetwork): number {
  if (activation?.name === 'relu') return 0;
  if (activation?.name === 'leakyRelu' && typeof activation.slope === 'number') return activation.slope;
  throw new TypeError(`${NAME}: the activation must be relu, or leakyRelu with its slope`);
}

/** The header of cpp/binding.cc's bind_short_run. */
function shapeOf({ imageShape, layers }: ConvNetwork, chains: number, steps: number): Int32Array {
  const perLayer = layers.flatMap(({ kernel, stride, padding, outChannels }) => [
    kernel,
    stride,
    padding,
    outChannels,
  ]);
  const numbers = [chains, ...imageShape, steps, ...perLayer];
  if (!numbers.every((value) => Number.isInteger(value) && Math.abs(value) < 2 ** 31))
    throw new TypeError(`${NAME}: 'network' must consist of integers`);
  return Int32Array.from(numbers);
}
