/** Networks as plain data, so that a backend can fuse them and a checkpoint can say what it holds. */

/** Activations by name; `slope` belongs to leakyRelu alone. */
export type ActivationName = 'leakyRelu' | 'relu' | 'elu' | 'softplus' | 'swish' | 'gelu' | 'tanh';

export interface ActivationSpec {
  readonly name: ActivationName;
  readonly slope?: number;
}

export interface ConvLayerSpec {
  readonly kernel: number;
  readonly stride: number;
  /** Zeros added on every side. */
  readonly padding: number;
  readonly inChannels: number;
  readonly outChannels: number;
}

/** Convolutions with biases, the activation after every layer but the last, whose output is one number. */
export interface ConvNetworkSpec {
  readonly kind: 'conv';
  readonly imageShape: readonly [height: number, width: number, channels: number];
  readonly layers: readonly ConvLayerSpec[];
  readonly activation: ActivationSpec;
}

/** Dense layers with biases: sizes [2, 64, 64, 1]. */
export interface MlpNetworkSpec {
  readonly kind: 'mlp';
  readonly sizes: readonly number[];
  readonly activation: ActivationSpec;
}

export type NetworkSpec = ConvNetworkSpec | MlpNetworkSpec;
