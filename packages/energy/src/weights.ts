/** Initial weights, by PyTorch's default rule, so that a fresh net here is a fresh net there. */
import * as tf from '@tensorflow/tfjs-core';
import { elements, foldIn, type Key, split, uniforms } from '@srmcmc/core';

/**
 * Weight and bias uniform on ±1/√fanIn: what torch.nn.Conv2d and torch.nn.Linear do by default. The variables
 * are named after the layer's place in a torch.nn.Sequential with an activation between layers.
 */
export function layerVariables(
  key: Key,
  layer: number,
  weightShape: readonly number[],
): Record<string, tf.Variable> {
  const fanIn = elements(weightShape.slice(0, -1));
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

/** f.0, f.2, f.4, ...: the keys of the paper's program. */
export function layerName(layer: number): string {
  return `f.${2 * layer}`;
}
