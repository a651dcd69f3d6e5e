/** A network and its gradients in one call each: the kernels that @srmcmc/energy looks for. */

import type { NamedTensorInfoMap, TensorInfo } from '@tensorflow/tfjs-core';

import type { ArrayArguments, Precision } from '../addon.ts';
import type { NativeBackend } from '../backend.ts';
import { type AsyncKernel, finish, type JobOptions } from './job.ts';
import { areFloat, compute, input, type NativeKernel } from './native-kernel.ts';
import { checkedNetwork, countOf, weightsOf } from './network.ts';

interface NetworkAttrs {
  readonly network: unknown;
  /** What `setPrecision` set, unless given. */
  readonly precision?: Precision;
}

export const gradientKernels: Readonly<Record<string, NativeKernel<TensorInfo[]>>> = {
  /** Inputs x [n, ...event] and weight0, weight1, ...; outputs f(x) [n] and its gradient in x. */
  NetworkValueAndGrad: ({ inputs, attrs, backend }) => {
    const name = 'NetworkValueAndGrad';
    const x = input(inputs, 'x');
    if (!areFloat(x)) return undefined;
    const { network: given, precision } = attrs as NetworkAttrs;
    const network = checkedNetwork(name, given);
    const n = countOf(name, x, network);
    const arrays = [backend.floats(x), ...weightsOf(name, inputs, network, backend)];
    return compute(backend, [[n], x.shape], (results) =>
      backend.addon.valueAndGradient(...network.call(n, precision), ...arrays, ...results),
    );
  },

  /** Inputs x, `weights` [n] and weight0, weight1, ...; outputs f(x) [n] and the gradients of Σ weightsᵢ f(xᵢ) in each. */
  NetworkParameterGrad: ({ inputs, attrs, backend }) => {
    const call = parameterCall('NetworkParameterGrad', inputs, attrs, backend);
    if (call === undefined) return undefined;
    return compute(backend, call.resultShapes, (results) =>
      backend.addon.parameterGradient(...call.arguments, ...results),
    );
  },
};

/** The same off the JavaScript thread. */
export const asyncGradientKernels: Readonly<Record<string, AsyncKernel>> = {
  NetworkParameterGradAsync: async ({ inputs, attrs, backend }) => {
    const call = parameterCall('NetworkParameterGradAsync', inputs, attrs, backend);
    if (call === undefined)
      throw new TypeError("NetworkParameterGradAsync: 'x' and 'weights' must be float32");
    const job = backend.addon.startParameterGradient(...call.arguments);
    const results = await finish(job, call.resultShapes[0]![0]!, attrs as JobOptions);
    return results.map((values, i) => backend.makeTensorInfo([...call.resultShapes[i]!], 'float32', values));
  },
};

interface ParameterCall {
  readonly arguments: ArrayArguments;
  readonly resultShapes: readonly (readonly number[])[];
}

function parameterCall(
  kernel: string,
  inputs: NamedTensorInfoMap,
  attrs: object,
  backend: NativeBackend,
): ParameterCall | undefined {
  const x = input(inputs, 'x');
  const weights = input(inputs, 'weights');
  if (!areFloat(x, weights)) return undefined;
  const { network: given, precision } = attrs as NetworkAttrs;
  const network = checkedNetwork(kernel, given);
  const n = countOf(kernel, x, network);
  const parameters = weightsOf(kernel, inputs, network, backend);
  return {
    arguments: [...network.call(n, precision), backend.floats(x), backend.floats(weights), ...parameters],
    resultShapes: [[n], ...parameters.map((_, i) => input(inputs, `weight${i}`).shape)],
  };
}
