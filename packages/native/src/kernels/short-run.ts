/** K Langevin steps on a network in one call: the kernels that @srmcmc/core's `runChains` and `runChainsAsync` look for. */

import type { NamedTensorInfoMap, TensorInfo } from '@tensorflow/tfjs-core';

import type { Precision, ShortRunArguments } from '../addon.ts';
import type { NativeBackend } from '../backend.ts';
import { type AsyncKernel, finish, type JobOptions } from './job.ts';
import { areFloat, compute, input, type NativeKernel } from './native-kernel.ts';
import { checkedNetwork, countOf, weightsOf } from './network.ts';

interface ShortRunLangevinAttrs {
  /** x ← x + drift[t] · f'(x) + noise[t] · z at step t < steps. */
  readonly drift: readonly number[];
  readonly noise: readonly number[];
  /** Bounds of the gradient's elements and of x's; infinite where off. */
  readonly clampGradient: number;
  readonly clampSample: readonly [low: number, high: number];
  readonly network: unknown;
  readonly steps: number;
  /** Steps (1 .. steps) after which the positions are kept, in increasing order; none unless given. */
  readonly snapshots?: readonly number[];
  /** Two words, or none where the noise is off. */
  readonly key: readonly number[];
  readonly firstChain: number;
  /** What `setPrecision` set, unless given. */
  readonly precision?: Precision;
}

/** x, value [steps], gradientNorm [steps], and the positions at each snapshot. */
export const shortRunKernels: Readonly<Record<string, NativeKernel<TensorInfo[]>>> = {
  ShortRunLangevin: ({ inputs, attrs, backend }) => {
    const call = callOf('ShortRunLangevin', inputs, attrs, backend);
    if (call === undefined) return undefined;
    return compute(backend, call.resultShapes, (results) =>
      backend.addon.shortRun(...call.arguments, ...results),
    );
  },
};

/** The same off the JavaScript thread; `onProgress` is told the share of all steps of all chains that are made. */
export const asyncShortRunKernels: Readonly<Record<string, AsyncKernel>> = {
  ShortRunLangevinAsync: async ({ inputs, attrs, backend }) => {
    const call = callOf('ShortRunLangevinAsync', inputs, attrs, backend);
    if (call === undefined) throw new TypeError("ShortRunLangevinAsync: 'x' must be float32");
    const [x, steps] = call.resultShapes as [number[], number[]];
    const job = backend.addon.startShortRun(...call.arguments);
    const results = await finish(job, x[0]! * steps[0]!, attrs as JobOptions);
    return results.map((values, i) => backend.makeTensorInfo([...call.resultShapes[i]!], 'float32', values));
  },
};

interface Call {
  readonly arguments: ShortRunArguments;
  readonly resultShapes: readonly (readonly number[])[];
}

function callOf(
  kernel: string,
  inputs: NamedTensorInfoMap,
  attrs: object,
  backend: NativeBackend,
): Call | undefined {
  const x = input(inputs, 'x');
  if (!areFloat(x)) return undefined;
  const { steps, key, snapshots = [], ...options } = checked(kernel, attrs);
  const network = checkedNetwork(kernel, options.network);
  const chains = countOf(kernel, x, network);
  return {
    arguments: [
      ...network.call(chains, options.precision),
      options.clampGradient,
      options.clampSample[0],
      options.clampSample[1],
      key[0] ?? 0,
      key[1] ?? 0,
      options.firstChain,
      Float32Array.from(options.drift),
      key.length === 0 ? new Float32Array(steps) : Float32Array.from(options.noise),
      Int32Array.from(snapshots),
      backend.floats(x),
      ...weightsOf(kernel, inputs, network, backend),
    ],
    resultShapes: [x.shape, [steps], [steps], ...snapshots.map(() => x.shape)],
  };
}

function checked(kernel: string, attrs: object): ShortRunLangevinAttrs {
  const given = attrs as Partial<ShortRunLangevinAttrs>;
  const { steps, drift, noise, clampSample, key, snapshots = [] } = given;
  const require = (holds: boolean, what: string): void => {
    if (!holds) throw new TypeError(`${kernel}: ${what}`);
  };
  require(Number.isInteger(steps) && steps! >= 1, "'steps' must be a positive integer");
  require(drift?.length === steps &&
    noise?.length === steps, "'drift' and 'noise' must have a number a step");
  require(clampSample?.length === 2, "'clampSample' must be [low, high]");
  require(key?.length === 0 || key?.length === 2, "'key' must be two words or none");
  require(snapshots.every(
    (step, i) => Number.isInteger(step) && step > (snapshots[i - 1] ?? 0) && step <= steps!,
  ), "'snapshots' must increase within 1 .. steps");
  return given as ShortRunLangevinAttrs;
}
