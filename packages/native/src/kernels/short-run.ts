/** K steps on a network in one call: the kernels that @srmcmc/core's `runChains` and `runChainsAsync` look for. */

import type { NamedTensorInfoMap, TensorInfo } from '@tensorflow/tfjs-core';

import type { Addon, Job, NetworkArguments } from '../addon.ts';
import type { NativeBackend } from '../backend.ts';
import { hmcMove, langevinMove, type MoveOf, type ShortRunAttrs } from './moves.ts';
import { type AsyncKernel, finish, type JobOptions } from './job.ts';
import { areFloat, compute, input, type NativeKernel } from './native-kernel.ts';
import { checkedNetwork, countOf, weightsOf } from './network.ts';

/** One kind of short run: its kernel's name, its move, and the addon's functions for it. */
interface Sampler {
  readonly move: MoveOf<never>;
  readonly run: (addon: Addon) => (...args: never) => void;
  readonly start: (addon: Addon) => (...args: never) => Job;
}

const SAMPLERS: Readonly<Record<string, Sampler>> = {
  ShortRunLangevin: {
    move: langevinMove,
    run: ({ shortRun }) => shortRun,
    start: ({ startShortRun }) => startShortRun,
  },
  ShortRunHmc: {
    move: hmcMove,
    run: ({ shortRunHmc }) => shortRunHmc,
    start: ({ startShortRunHmc }) => startShortRunHmc,
  },
};

/** x, value [steps], gradientNorm [steps], the move's own reports [steps], and the positions at each snapshot. */
export const shortRunKernels = Object.fromEntries(
  Object.entries(SAMPLERS).map(([name, sampler]): [string, NativeKernel<TensorInfo[]>] => [
    name,
    ({ inputs, attrs, backend }) => {
      const call = callOf(name, sampler, inputs, attrs, backend);
      if (call === undefined) return undefined;
      const run = sampler.run(backend.addon) as (...args: unknown[]) => void;
      return compute(backend, call.resultShapes, (results) => run(...call.arguments, ...results));
    },
  ]),
);

/** The same off the JavaScript thread; `onProgress` is told the share of all chains' gradients that is computed. */
export const asyncShortRunKernels = Object.fromEntries(
  Object.entries(SAMPLERS).map(([base, sampler]): [string, AsyncKernel] => {
    const name = `${base}Async`;
    return [
      name,
      async ({ inputs, attrs, backend }) => {
        const call = callOf(name, sampler, inputs, attrs, backend);
        if (call === undefined) throw new TypeError(`${name}: 'x' must be float32`);
        const start = sampler.start(backend.addon) as (...args: unknown[]) => Job;
        const results = await finish(start(...call.arguments), call.gradients, attrs as JobOptions);
        return results.map((values, i) =>
          backend.makeTensorInfo([...call.resultShapes[i]!], 'float32', values),
        );
      },
    ];
  }),
);

interface Call {
  readonly arguments: readonly unknown[];
  readonly resultShapes: readonly (readonly number[])[];
  readonly gradients: number;
}

function callOf(
  kernel: string,
  { move: moveOf }: Sampler,
  inputs: NamedTensorInfoMap,
  attrs: object,
  backend: NativeBackend,
): Call | undefined {
  const x = input(inputs, 'x');
  if (!areFloat(x)) return undefined;
  const require = (holds: boolean, what: string): void => {
    if (!holds) throw new TypeError(`${kernel}: ${what}`);
  };
  const { steps, key, snapshots = [], firstChain, ...options } = checked(attrs, require);
  const move = moveOf(attrs as never, require);
  const network = checkedNetwork(kernel, options.network);
  const chains = countOf(kernel, x, network);
  const head: NetworkArguments = network.call(chains, options.precision);
  return {
    arguments: [
      ...head,
      ...move.options,
      ...[key[0] ?? 0, key[1] ?? 0, firstChain],
      ...move.schedules,
      Int32Array.from(snapshots),
      backend.floats(x),
      ...weightsOf(kernel, inputs, network, backend),
    ],
    resultShapes: [
      x.shape,
      ...Array.from({ length: 2 + move.reports }, () => [steps]),
      ...snapshots.map(() => x.shape),
    ],
    gradients: chains * move.gradients,
  };
}

function checked(attrs: object, require: (holds: boolean, what: string) => void): ShortRunAttrs {
  const given = attrs as Partial<ShortRunAttrs>;
  const { steps, key, snapshots = [] } = given;
  require(Number.isInteger(steps) && steps! >= 1, "'steps' must be a positive integer");
  require(key?.length === 0 || key?.length === 2, "'key' must be two words or none");
  require(snapshots.every(
    (step, i) => Number.isInteger(step) && step > (snapshots[i - 1] ?? 0) && step <= steps!,
  ), "'snapshots' must increase within 1 .. steps");
  return given as ShortRunAttrs;
}
