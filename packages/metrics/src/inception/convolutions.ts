/** The network's convolutions with their names in PyTorch's and TensorFlow's files, and the shapes of their filters. */
import { type Convolution, INPUT_CHANNELS, type Layer, type Stage, STAGES } from './network.ts';

/** A convolution with all that its place in the network decides. */
export interface PlacedConvolution {
  /** 'Mixed_5b.branch1x1', as in pytorch-fid's state dict. */
  readonly name: string;
  /** 'mixed/conv', as in TensorFlow's graph. */
  readonly tensorflowName: string;
  /** The stage it belongs to. */
  readonly feature: Stage['feature'];
  /** [height, width, in, out] */
  readonly filterShape: readonly [number, number, number, number];
}

/** Every convolution of the network, in the order in which data meets them. */
export const CONVOLUTIONS: readonly PlacedConvolution[] = placeAll();

function placeAll(): PlacedConvolution[] {
  const placed: PlacedConvolution[] = [];
  const scope = tensorflowScope('');
  let channels = INPUT_CHANNELS;
  for (const { feature, layers } of STAGES) {
    channels = walk(layers, '', scope, channels, (convolution, prefix, tensorflowName, inChannels) => {
      const name = `${prefix}${convolution.name}`;
      const filterShape = [...convolution.kernel, inChannels, convolution.channels] as const;
      placed.push({ name, tensorflowName, feature, filterShape });
    });
  }
  return placed;
}

type Visitor = (convolution: Convolution, prefix: string, tensorflowName: string, inChannels: number) => void;

/** Visits the convolutions of a chain; returns the channels after it. */
function walk(
  layers: readonly Layer[],
  prefix: string,
  scope: Scope,
  inChannels: number,
  visit: Visitor,
): number {
  return layers.reduce((channels, layer) => {
    if (layer.kind === 'convolution') {
      visit(layer, prefix, scope('conv'), channels);
      return layer.channels;
    }
    if (layer.kind !== 'branches') return channels;
    const inner = tensorflowScope(`${scope('mixed')}/`);
    const innerPrefix = layer.name === '' ? prefix : `${layer.name}.`;
    const widths = layer.branches.map((branch) => {
      // The program that made the graph gave a branch of several layers a scope of its own.
      const own = branch.length === 1 ? inner : tensorflowScope(`${inner('tower')}/`);
      return walk(branch, innerPrefix, own, channels, visit);
    });
    return widths.reduce((sum, width) => sum + width, 0);
  }, inChannels);
}

type Scope = (name: string) => string;

/** Numbers names as TensorFlow 1 does: conv, conv_1, conv_2. */
function tensorflowScope(prefix: string): Scope {
  const counts = new Map<string, number>();
  return (name) => {
    const count = counts.get(name) ?? 0;
    counts.set(name, count + 1);
    return `${prefix}${name}${count === 0 ? '' : `_${count}`}`;
  };
}
