/** Weights in and out of PyTorch's layout: the state dicts of the paper's program load as they are. */
import * as tf from '@tensorflow/tfjs-core';
import {
  type ActivationSpec,
  type ConvNetworkSpec,
  type Energy,
  InvalidShapeError,
  MissingWeightsError,
} from '@srmcmc/core';
import { activation as activationOf } from './activations.ts';
import { convNetwork } from './conv-network.ts';

/** One tensor of a state dict, row-major, in PyTorch's layout: [out, in, height, width] or [out, in]. */
export interface StateDictTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Tensors by name: `f.0.weight`, `f.0.bias`, `f.2.weight`, ... in the paper's program. */
export type StateDict = ReadonlyMap<string, StateDictTensor>;

/** The weights of an energy, or what else is named and laid out like them, in PyTorch's layout. */
export async function toStateDict({
  variables,
}: {
  readonly variables: Readonly<Record<string, tf.Tensor>>;
}): Promise<Map<string, StateDictTensor>> {
  const entries = Object.entries(variables).map(async ([name, variable]) => {
    const transposed = toTorch(variable);
    const data = (await transposed.data()) as Float32Array;
    const shape = [...transposed.shape];
    transposed.dispose();
    return [name, { shape, data }] as const;
  });
  return new Map(await Promise.all(entries));
}

/**
 * Assigns a state dict to the variables of an energy.
 *
 * @throws MissingWeightsError when a variable has no tensor in it, or it holds tensors that the net has not;
 * InvalidShapeError when a tensor has another shape. Nothing is assigned then.
 */
export function loadStateDict(energy: Energy, stateDict: StateDict): void {
  const names = Object.keys(energy.variables);
  const missing = names.filter((name) => !stateDict.has(name));
  const unknown = [...stateDict.keys()].filter((name) => !names.includes(name));
  if (missing.length > 0 || unknown.length > 0) {
    throw new MissingWeightsError(
      `the state dict does not fit the net: it lacks [${missing.join(', ')}] and has unknown [${unknown.join(', ')}]`,
    );
  }
  for (const [name, variable] of Object.entries(energy.variables)) {
    const { shape } = stateDict.get(name)!;
    const expected = torchShape(variable.shape);
    if (shape.join() !== expected.join()) throw new InvalidShapeError(name, expected, shape);
  }
  for (const [name, variable] of Object.entries(energy.variables)) {
    const { shape, data } = stateDict.get(name)!;
    tf.tidy(() => variable.assign(fromTorch(tf.tensor(data, [...shape], 'float32'))));
  }
}

/**
 * The net that a state dict of the paper's program belongs to, read off its shapes.
 *
 * @throws MissingWeightsError when it does not hold such a net.
 */
export function convNetworkOf(
  stateDict: StateDict,
  activation: ActivationSpec = { name: 'leakyRelu' },
): ConvNetworkSpec {
  const shapes = [...stateDict.keys()]
    .filter((name) => /^f\.\d+\.weight$/.test(name))
    .sort((a, b) => Number(a.split('.')[1]) - Number(b.split('.')[1]))
    .map((name) => stateDict.get(name)!.shape);
  const final = shapes.at(-1);
  if (
    shapes.length < 2 ||
    final === undefined ||
    shapes.some((shape) => shape.length !== 4) ||
    final[0] !== 1
  ) {
    throw new MissingWeightsError(
      `expected convolutions f.0.weight, f.2.weight, ... ending in one output, got [${[...stateDict.keys()].join(', ')}]`,
    );
  }
  const channels = shapes.slice(0, -1).map(([out]) => out!);
  const side = final[2]! * 2 ** (channels.length - 1);
  return convNetwork([side, side, shapes[0]![1]!], channels, activationOf(activation).spec);
}

/** [kh, kw, in, out] and [in, out] become [out, in, kh, kw] and [out, in]; a bias stays. */
function toTorch(tensor: tf.Tensor): tf.Tensor {
  const permutation = { 4: [3, 2, 0, 1], 2: [1, 0] }[tensor.rank as 2 | 4];
  return permutation === undefined ? tensor.clone() : tf.transpose(tensor, permutation);
}

function fromTorch(tensor: tf.Tensor): tf.Tensor {
  const permutation = { 4: [2, 3, 1, 0], 2: [1, 0] }[tensor.rank as 2 | 4];
  return permutation === undefined ? tensor : tf.transpose(tensor, permutation);
}

function torchShape(shape: readonly number[]): number[] {
  const [a, b, c, d] = shape as [number, number, number, number];
  return shape.length === 4 ? [d, c, a, b] : shape.length === 2 ? [b, a] : [...shape];
}
