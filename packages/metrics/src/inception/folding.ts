/** A convolution and the batch norm after it, as one convolution. */
import { CLASSES } from './network.ts';
import type { PlacedConvolution } from './convolutions.ts';
import { CorruptWeightsError } from './errors.ts';
import type { BatchNormPart, NamedTensor, TensorReader } from './naming.ts';

/** y = x · weight + bias, with the outputs along the last axis of `weight`. */
export interface Affine {
  readonly shape: readonly number[];
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/** ε of the graph's batch norms. */
const EPSILON = 0.001;

/**
 * w ← w γ / √(σ² + ε) and b ← (b − μ) γ / √(σ² + ε) + β, in double precision; γ is 1 where a file has none.
 * Undefined where the file lacks the convolution.
 *
 * @throws CorruptWeightsError for other shapes than the network's, a convolution with neither bias nor batch norm,
 * and values that are not finite.
 */
export function foldedConvolution(tensors: TensorReader, place: PlacedConvolution): Affine | undefined {
  const filter = tensors.filter(place);
  if (filter === undefined) return undefined;
  const weight = checked(filter, place.filterShape);
  const channels = place.filterShape[3];
  const read = (tensor: NamedTensor | undefined): Float32Array | undefined =>
    tensor && checked(tensor, [channels]);
  const part = (name: BatchNormPart): Float32Array | undefined => read(tensors.batchNorm(place, name));
  const bias = read(tensors.bias(place));
  const [scale, shift, mean, variance] = [part('scale'), part('shift'), part('mean'), part('variance')];
  const shape = place.filterShape;
  if (shift === undefined || mean === undefined || variance === undefined) {
    const isFolded = [scale, shift, mean, variance].every((values) => values === undefined);
    if (bias !== undefined && isFolded) return { shape, weight, bias };
    throw new CorruptWeightsError(`${place.name} has a filter, but neither a bias nor a whole batch norm`);
  }
  const factors = Float64Array.from(variance, (value, i) => (scale?.[i] ?? 1) / Math.sqrt(value + EPSILON));
  return {
    shape,
    weight: weight.map((value, i) => value * factors[i % channels]!),
    bias: shift.map((value, i) => value + ((bias?.[i] ?? 0) - mean[i]!) * factors[i]!),
  };
}

/** The layer after the last feature; undefined where the file lacks it. Throws as `foldedConvolution` does. */
export function classifierOf(tensors: TensorReader): Affine | undefined {
  const weight = tensors.classifier('weight');
  const bias = tensors.classifier('bias');
  if (weight === undefined || bias === undefined) return undefined;
  const shape = [2048, CLASSES];
  return { shape, weight: checked(weight, shape), bias: checked(bias, [CLASSES]) };
}

function checked({ name, shape, values }: NamedTensor, expected: readonly number[]): Float32Array {
  if (shape.length !== expected.length || shape.some((size, axis) => size !== expected[axis])) {
    throw new CorruptWeightsError(
      `${name} has the shape [${shape.join(', ')}] where the network of 2015-12-05 has [${expected.join(', ')}] ` +
        '(outputs last): these are the weights of another network',
    );
  }
  if (!values.every(Number.isFinite)) throw new CorruptWeightsError(`${name} has values that are not finite`);
  return values;
}
