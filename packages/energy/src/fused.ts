/** A network and its gradients in one call each, where the active backend has kernels for that. */
import * as tf from '@tensorflow/tfjs-core';
import {
  type AsyncOptions,
  type Energy,
  type NetworkSpec,
  type ParameterGrads,
  requireEvents,
  runKernelAsync,
  throwIfCancelled,
} from '@srmcmc/core';

const VALUE_AND_GRAD = 'NetworkValueAndGrad';
const PARAMETER_GRAD = 'NetworkParameterGrad';
const PARAMETER_GRAD_ASYNC = 'NetworkParameterGradAsync';

/**
 * The energy with both gradients by the backend's kernels, which take x [n, ...event] and weight0, weight1, ... in
 * checkpoint order, and the network as plain data; otherwise, and wherever a gradient is to be taken through them, by
 * the energy's own methods.
 */
export function withFusedGradients<E extends Energy & { readonly network: NetworkSpec }>(
  energy: E,
): E & Required<Pick<Energy, 'parameterGradsAsync'>> {
  const { network, variables, eventShape } = energy;
  const names = Object.keys(variables);
  const attributes = { network } as object as tf.NamedAttrMap;
  const inputsOf = (x: tf.Tensor): Record<string, tf.Tensor> => ({
    x,
    ...Object.fromEntries(names.map((name, i) => [`weight${i}`, variables[name]!])),
  });
  const parameterGradsOf = ([value, ...gradients]: readonly tf.Tensor[]): ParameterGrads => ({
    value: value as tf.Tensor1D,
    gradients: Object.fromEntries(names.map((name, i) => [name, gradients[i]!])),
  });
  return {
    ...energy,
    valueAndGrad: (x) => {
      if (!hasKernel(VALUE_AND_GRAD, x)) return energy.valueAndGrad(x);
      requireEvents('x', x, eventShape);
      const results = tf.engine().runKernel(VALUE_AND_GRAD, inputsOf(x), attributes);
      const [value, grad] = results as [tf.Tensor1D, tf.Tensor];
      return { value, grad };
    },
    parameterGrads: (x, weights) => {
      if (!hasKernel(PARAMETER_GRAD, x, weights)) return energy.parameterGrads(x, weights);
      requireEvents('x', x, eventShape);
      const inputs = { ...inputsOf(x), weights };
      return parameterGradsOf(tf.engine().runKernel(PARAMETER_GRAD, inputs, attributes) as tf.Tensor[]);
    },
    parameterGradsAsync: async (x, weights, options: AsyncOptions = {}) => {
      throwIfCancelled(options.signal);
      if (!hasKernel(PARAMETER_GRAD_ASYNC, x, weights)) return energy.parameterGrads(x, weights);
      requireEvents('x', x, eventShape);
      const inputs = { ...inputsOf(x), weights };
      return parameterGradsOf(await runKernelAsync(PARAMETER_GRAD_ASYNC, inputs, attributes, options));
    },
  };
}

/** Kernels of one call have no gradients of their own. */
function hasKernel(name: string, ...inputs: tf.Tensor[]): boolean {
  return (
    tf.getKernel(name, tf.getBackend()) !== undefined &&
    inputs.every(({ dtype }) => dtype === 'float32') &&
    tf.engine().state.gradientDepth === 0
  );
}
