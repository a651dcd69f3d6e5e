/** K steps in one call of a backend's kernel. */
import * as tf from '@tensorflow/tfjs-core';
import { type AsyncOptions, runKernelAsync } from './async.ts';
import type { ChainOptions, ChainResult } from './chain.ts';
import type { KernelState } from './kernel.ts';
import type { Key } from './key.ts';

/**
 * The name of the active backend's kernel that makes all steps at once: that of the transition kernel, and the same
 * with Async at its end for one that returns a promise. Such a kernel runs every network that can be described as plain
 * data. Undefined where there is none, or the energy is no such network.
 */
export function fusedKernel<S extends KernelState>(
  { kernel, energy }: ChainOptions<S>,
  start: tf.Tensor,
  suffix: '' | 'Async' = '',
): string | undefined {
  if (kernel.fused === undefined || energy.network === undefined || start.dtype !== 'float32')
    return undefined;
  const name = kernel.fused.kernelName + suffix;
  return tf.getKernel(name, tf.getBackend()) === undefined ? undefined : name;
}

export function runFused<S extends KernelState>(
  kernelName: string,
  options: ChainOptions<S>,
  start: tf.Tensor,
  key?: Key,
): ChainResult {
  const { inputs, attributes } = fusedCall(options, start, key);
  const results = tf.engine().runKernel(kernelName, inputs, attributes as tf.NamedAttrMap);
  return resultOf(options, results as tf.Tensor[]);
}

export async function runFusedAsync<S extends KernelState>(
  kernelName: string,
  options: ChainOptions<S>,
  start: tf.Tensor,
  key: Key | undefined,
  asyncOptions: AsyncOptions,
): Promise<ChainResult> {
  const { inputs, attributes } = fusedCall(options, start, key);
  return resultOf(options, await runKernelAsync(kernelName, inputs, attributes, asyncOptions));
}

/**
 * The backend's kernel takes x [n, ...event] and weight0, weight1, ... in checkpoint order (each layer's filter
 * [kh, kw, in, out] or [in, out], then its bias); it returns x, value [K], gradientNorm [K] and the transition kernel's
 * own reports [K], as `Trace` defines them, and each snapshot. Its attributes are those of the transition kernel (a
 * number a step for every coefficient, infinite bounds where one is off), the network as plain data, the number of
 * steps, the snapshots, the key's words (none: no noise) and its first chain.
 */
function fusedCall<S extends KernelState>(
  { energy, kernel, steps, snapshots = [] }: ChainOptions<S>,
  start: tf.Tensor,
  key: Key | undefined,
): { inputs: Record<string, tf.Tensor>; attributes: object } {
  const weights = Object.values(energy.variables).map((variable, i) => [`weight${i}`, variable] as const);
  const attributes = {
    ...kernel.fused?.attributes(steps, energy.eventShape),
    network: energy.network,
    steps,
    snapshots,
    key: key === undefined ? [] : [...key.words],
    firstChain: key?.firstChain ?? 0,
  };
  return { inputs: { x: start, ...Object.fromEntries(weights) }, attributes };
}

function resultOf<S extends KernelState>(
  { kernel }: ChainOptions<S>,
  [x, ...tensors]: readonly tf.Tensor[],
): ChainResult {
  const names = ['value', 'gradientNorm', ...(kernel.fused?.reports ?? [])];
  const reports = names.map((name, i) => [name, tensors[i]!]);
  return { x: x!, trace: { ...Object.fromEntries(reports), snapshots: tensors.slice(names.length) } };
}
