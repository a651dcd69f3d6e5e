/** The network's convolutions with their names in PyTorch's and TensorFlow's files, and the shapes of their filters. */
import {
  type Convolution,
  INPUT_CHANNELS,
  INPUT_SIDE,
  type Layer,
  type Pool,
  type Stage,
  STAGES,
} from './network.ts';

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
  /** Side of its output, pixels. */
  readonly outSide: number;
}

const POOL_SIDE = 3;

/** Every convolution of the network, in the order in which data meets them. */
export const CONVOLUTIONS: readonly PlacedConvolution[] = placeAll();

function placeAll(): PlacedConvolution[] {
  const placed: PlacedConvolution[] = [];
  const scope = tensorflowScope('');
  let volume: Volume = { channels: INPUT_CHANNELS, side: INPUT_SIDE };
  for (const { feature, layers } of STAGES) {
    volume = walk(layers, '', scope, volume, (convolution, prefix, tensorflowName, from, { side }) => {
      const name = `${prefix}${convolution.name}`;
      const filterShape = [...convolution.kernel, from.channels, convolution.channels] as const;
      placed.push({ name, tensorflowName, feature, filterShape, outSide: side });
    });
  }
  return placed;
}

/** Images between two layers; they are square. */
interface Volume {
  readonly channels: number;
  readonly side: number;
}

type Visitor = (
  convolution: Convolution,
  prefix: string,
  tensorflowName: string,
  from: Volume,
  to: Volume,
) => void;

/** Visits the convolutions of a chain; returns what comes after it. */
function walk(layers: readonly Layer[], prefix: string, scope: Scope, input: Volume, visit: Visitor): Volume {
  return layers.reduce((from, layer) => {
    if (layer.kind === 'convolution') {
      const to = { channels: layer.channels, side: sideAfter(layer, Math.max(...layer.kernel), from.side) };
      visit(layer, prefix, scope('conv'), from, to);
      return to;
    }
    if (layer.kind !== 'branches') return { ...from, side: sideAfter(layer, POOL_SIDE, from.side) };
    const inner = tensorflowScope(`${scope('mixed')}/`);
    const innerPrefix = layer.name === '' ? prefix : `${layer.name}.`;
    const outputs = layer.branches.map((branch) => {
      // The program that made the graph gave a branch of several layers a scope of its own.
      const own = branch.length === 1 ? inner : tensorflowScope(`${inner('tower')}/`);
      return walk(branch, innerPrefix, own, from, visit);
    });
    return { channels: outputs.reduce((sum, { channels }) => sum + channels, 0), side: outputs[0]!.side };
  }, input);
}

function sideAfter(layer: Convolution | Pool, kernel: number, side: number): number {
  return Math.ceil((layer.padding === 'same' ? side : side - kernel + 1) / layer.stride);
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
