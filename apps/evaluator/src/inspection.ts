/** What is in a file of weights: the run, the network layer by layer, and every tensor. */
import { stat } from 'node:fs/promises';
import { type Checkpoint, readCheckpoint } from '@srmcmc/checkpoint';
import { elements, MissingWeightsError, type NetworkSpec } from '@srmcmc/core';
import { convNetworkOf, multiplyAccumulates } from '@srmcmc/energy';
import { type RawTensor, toFloat32, toTypedArray } from '@srmcmc/safetensors';
import { readTensorFile, stateDictOf, type TensorFile } from './tensor-file.ts';

export interface TensorSummary {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Of the finite elements; null where there are none, or they are not real numbers of whole bytes. */
  readonly min: number | null;
  readonly max: number | null;
  /** Euclidean, of the finite elements. */
  readonly norm: number | null;
  /** How many elements are NaN or infinite. */
  readonly notFinite: number;
}

export interface LayerSummary {
  readonly name: string;
  readonly description: string;
  /** [height, width, channels] or [units]. */
  readonly outputShape: readonly number[];
  /** Weights and biases. */
  readonly parameters: number;
}

export interface NetworkSummary {
  readonly kind: NetworkSpec['kind'];
  /** Files of bare weights do not tell it. */
  readonly activation: string;
  readonly inputShape: readonly number[];
  readonly layers: readonly LayerSummary[];
  readonly parameters: number;
  /** Of one forward pass on one input. A Langevin step costs twice as many. */
  readonly multiplyAccumulates: number;
}

export type RunSummary = Pick<
  Checkpoint,
  'iteration' | 'sampler' | 'config' | 'progress' | 'software' | 'key'
> & {
  /** Updates of the optimizer. */
  readonly optimizerSteps: number;
};

export interface Inspection {
  readonly path: string;
  readonly kind: TensorFile['kind'];
  /** Of a checkpoint, whose checksum holds. */
  readonly run?: RunSummary;
  /** Absent where the weights are not those of a net that this project knows. */
  readonly network?: NetworkSummary;
  readonly tensors: readonly TensorSummary[];
  /** Text in the file, but for that of a checkpoint, which `run` holds. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Looks into a checkpoint, the newest good one of a run's folder, a .safetensors or a .pth file.
 *
 * @throws MissingWeightsError when there is nothing to read; CorruptCheckpointError, SafetensorsError or PthError for
 * a damaged file.
 */
export async function inspect(path: string): Promise<Inspection> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const found = isFolder ? (await readCheckpoint(path)).path : path;
  const file = await readTensorFile(found);
  const { kind } = file;
  const tensors = [...file.tensors].map(([name, tensor]) => summarise(name, tensor));
  if (kind === 'checkpoint') {
    const { checkpoint } = await readCheckpoint(found);
    const { iteration, sampler, config, progress, software, key, network, optimizer } = checkpoint;
    const run = { iteration, sampler, config, progress, software, key, optimizerSteps: optimizer.step };
    return { path: found, kind, run, network: describeNetwork(network), tensors, metadata: {} };
  }
  const network = networkIn(found, file);
  return {
    path: found,
    kind,
    ...(network && { network: { ...describeNetwork(network), activation: 'activation not in the file' } }),
    tensors,
    metadata: file.metadata,
  };
}

/** The paper's kind of net where the file holds one. */
function networkIn(path: string, file: TensorFile): NetworkSpec | undefined {
  try {
    const shapes = [...stateDictOf(path, file)].map(
      ([name, { shape }]) => [name, { shape, data: new Float32Array() }] as const,
    );
    return convNetworkOf(new Map(shapes));
  } catch (error) {
    if (error instanceof MissingWeightsError) return undefined;
    throw error;
  }
}

function describeNetwork(network: NetworkSpec): NetworkSummary {
  const { name, slope } = network.activation;
  const activation = slope === undefined ? name : `${name}, slope ${slope}`;
  const inputShape = network.kind === 'conv' ? network.imageShape : [network.sizes[0]!];
  const layers = network.kind === 'conv' ? convLayers(network) : denseLayers(network.sizes);
  return {
    kind: network.kind,
    activation,
    inputShape,
    layers,
    parameters: layers.reduce((sum, { parameters }) => sum + parameters, 0),
    multiplyAccumulates:
      network.kind === 'conv'
        ? multiplyAccumulates(network)
        : pairs(network.sizes).reduce((sum, [a, b]) => sum + a * b, 0),
  };
}

function convLayers({ imageShape, layers }: Extract<NetworkSpec, { kind: 'conv' }>): LayerSummary[] {
  let side = imageShape[0];
  return layers.map(({ kernel, stride, padding, inChannels, outChannels }, i) => {
    side = (side + 2 * padding - kernel) / stride + 1;
    return {
      name: `f.${2 * i}`,
      description: `conv ${kernel}×${kernel} stride ${stride} padding ${padding}, ${inChannels} → ${outChannels}`,
      outputShape: [side, side, outChannels],
      parameters: kernel ** 2 * inChannels * outChannels + outChannels,
    };
  });
}

function denseLayers(sizes: readonly number[]): LayerSummary[] {
  return pairs(sizes).map(([inputs, units], i) => ({
    name: `f.${2 * i}`,
    description: `dense, ${inputs} → ${units}`,
    outputShape: [units],
    parameters: inputs * units + units,
  }));
}

function pairs(sizes: readonly number[]): [number, number][] {
  return sizes.slice(1).map((size, i) => [sizes[i]!, size]);
}

/** Dtypes whose elements are not single real numbers of whole bytes. */
const WITHOUT_VALUES = new Set(['C64', 'F4', 'F6_E2M3', 'F6_E3M2']);

function summarise(name: string, tensor: RawTensor): TensorSummary {
  const { dtype, shape } = tensor;
  const about = { name, dtype, shape };
  if (elements(shape) === 0 || WITHOUT_VALUES.has(dtype)) {
    return { ...about, min: null, max: null, norm: null, notFinite: 0 };
  }
  const values = dtype === 'F64' ? (toTypedArray(tensor) as Float64Array) : toFloat32(tensor);
  let [min, max, squares, notFinite] = [Infinity, -Infinity, 0, 0];
  for (const value of values) {
    if (!Number.isFinite(value)) notFinite += 1;
    else {
      if (value < min) min = value;
      if (value > max) max = value;
      squares += value * value;
    }
  }
  const none = notFinite === values.length;
  return {
    ...about,
    min: none ? null : min,
    max: none ? null : max,
    norm: none ? null : Math.sqrt(squares),
    notFinite,
  };
}
