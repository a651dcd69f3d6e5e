/** Initial weights, by PyTorch's default rule, so that a fresh net here is a fresh net there. */
import * as tf from '@tensorflow/tfjs-core';
import {
  elements,
  foldIn,
  InvalidArgumentError,
  type Key,
  type NetworkSpec,
  split,
  uniforms,
} from '@srmcmc/core';

/**
 * Weight and bias uniform on ±1/√fanIn: what torch.nn.Conv2d and torch.nn.Linear do by default. The variables
 * are named after the layer's place in a torch.nn.Sequential with an activation between layers.
 *
 * @throws InvalidArgumentError where a layer has more weights than an array can hold.
 */
export function layerVariables(
  key: Key,
  layer: number,
  weightShape: readonly number[],
): Record<string, tf.Variable> {
  const fanIn = elements(weightShape.slice(0, -1));
  if (elements(weightShape) > MOST_WEIGHTS) {
    throw new InvalidArgumentError(
      layerName(layer),
      `has weights of shape [${weightShape.join(', ')}], more than one array holds: make the layer smaller`,
    );
  }
  const [weightKey, biasKey] = split(foldIn(key, layer)) as [Key, Key];
  const draw = (from: Key, shape: readonly number[]): tf.Variable => {
    const values = uniforms(from, 1, elements(shape)).map((u) => (2 * u - 1) / Math.sqrt(fanIn));
    const initial = tf.tensor(values, [...shape], 'float32');
    const variable = tf.variable(initial);
    initial.dispose();
    return variable;
  };
  const name = layerName(layer);
  return {
    [`${name}.weight`]: draw(weightKey, weightShape),
    [`${name}.bias`]: draw(biasKey, [weightShape.at(-1)!]),
  };
}

/** Backends address the elements of a tensor by 32 bits with a sign. */
const MOST_WEIGHTS = 2 ** 31 - 1;

/** How many numbers a network learns: the weights and biases of all its layers. */
export function parameterCount(network: NetworkSpec): number {
  const shapes =
    network.kind === 'conv'
      ? network.layers.map((layer) => [layer.kernel ** 2 * layer.inChannels, layer.outChannels] as const)
      : network.sizes.slice(1).map((units, i) => [network.sizes[i]!, units] as const);
  return shapes.reduce((total, [inputs, outputs]) => total + (inputs + 1) * outputs, 0);
}

/** f.0, f.2, f.4, ...: the keys of the paper's program. */
export function layerName(layer: number): string {
  return `f.${2 * layer}`;
}
