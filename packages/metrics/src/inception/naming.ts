/** The same tensors under PyTorch's names and layout, and under TensorFlow's. */
import { type RawTensor, toFloat32 } from '@srmcmc/safetensors';
import type { PlacedConvolution } from './convolutions.ts';
import { CorruptWeightsError } from './errors.ts';
import type { Constant } from './graph-def.ts';

/** A tensor of a file, with the name it has there. */
export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** What a convolution is made of, in whatever file. Undefined for what the file does not have. */
export interface TensorReader {
  /** [height, width, in, out] */
  filter(place: PlacedConvolution): NamedTensor | undefined;
  bias(place: PlacedConvolution): NamedTensor | undefined;
  batchNorm(place: PlacedConvolution, part: BatchNormPart): NamedTensor | undefined;
  /** [2048, 1008] and [1008]. */
  classifier(part: 'weight' | 'bias'): NamedTensor | undefined;
}

export type BatchNormPart = 'scale' | 'shift' | 'mean' | 'variance';

/** `Mixed_5b.branch1x1.conv.weight` [out, in, height, width], `.bn.running_mean`, `fc.weight` [1008, 2048]. */
export function fromStateDict(state: ReadonlyMap<string, RawTensor>): TensorReader {
  const parts = { scale: 'weight', shift: 'bias', mean: 'running_mean', variance: 'running_var' };
  const find = (name: string): NamedTensor | undefined => {
    const tensor = state.get(name);
    return tensor && { name, shape: tensor.shape, values: toFloat32(tensor) };
  };
  return {
    filter: ({ name }) => transposed(find(`${name}.conv.weight`), 4, [2, 3, 1, 0]),
    bias: ({ name }) => find(`${name}.conv.bias`),
    batchNorm: ({ name }, part) => find(`${name}.bn.${parts[part]}`),
    classifier: (part) => (part === 'bias' ? find('fc.bias') : transposed(find('fc.weight'), 2, [1, 0])),
  };
}

/** `mixed/conv/conv2d_params` [height, width, in, out], `mixed/conv/batchnorm/moving_mean`, `softmax/weights`. */
export function fromGraph(constants: ReadonlyMap<string, Constant>): TensorReader {
  const parts = { scale: 'gamma', shift: 'beta', mean: 'moving_mean', variance: 'moving_variance' };
  const find = (name: string): NamedTensor | undefined => {
    const constant = constants.get(name);
    return constant && { name, ...constant };
  };
  return {
    filter: ({ tensorflowName }) => find(`${tensorflowName}/conv2d_params`),
    bias: () => undefined,
    batchNorm: ({ tensorflowName }, part) => find(`${tensorflowName}/batchnorm/${parts[part]}`),
    classifier: (part) => find(part === 'bias' ? 'softmax/biases' : 'softmax/weights'),
  };
}

/** Axis i of the result is axis `order[i]` of the tensor. */
function transposed(
  tensor: NamedTensor | undefined,
  rank: number,
  order: readonly number[],
): NamedTensor | undefined {
  if (tensor === undefined) return undefined;
  const { name, shape, values } = tensor;
  if (shape.length !== rank) {
    throw new CorruptWeightsError(
      `${name} has the shape [${shape.join(', ')}], which is not that of Inception-v3`,
    );
  }
  // As four axes, [a, b, c, d] with those that are lacking of size 1.
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  const sizes = [1, 1, ...order.map((axis) => shape[axis]!)].slice(-4) as [number, number, number, number];
  const steps = [0, 0, ...order.map((axis) => strides[axis]!)].slice(-4) as [number, number, number, number];
  const out = new Float32Array(values.length);
  let at = 0;
  for (let a = 0; a < sizes[0]; a++)
    for (let b = 0; b < sizes[1]; b++)
      for (let c = 0; c < sizes[2]; c++) {
        const from = a * steps[0] + b * steps[1] + c * steps[2];
        for (let d = 0; d < sizes[3]; d++) out[at++] = values[from + d * steps[3]]!;
      }
  return { name, shape: order.map((axis) => shape[axis]!), values: out };
}
