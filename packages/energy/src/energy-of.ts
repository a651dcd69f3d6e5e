/** From a network as plain data, as checkpoints and state dicts give it, to the energy. */
import { InvalidArgumentError, type Key, type NetworkSpec } from '@srmcmc/core';
import { convEnergy, type ConvEnergy } from './conv-energy.ts';
import { mlpEnergy, type MlpEnergy } from './mlp-energy.ts';

/**
 * The energy of a network, with fresh weights that the key decides; `loadStateDict` puts others in.
 *
 * @throws InvalidArgumentError for a network that neither `convEnergy` nor `mlpEnergy` makes.
 */
export function energyOf(network: NetworkSpec, key: Key): ConvEnergy | MlpEnergy {
  const energy = build(network, key);
  if (layout(energy.network) !== layout(network)) {
    energy.dispose();
    throw new InvalidArgumentError('network', "is not laid out as the paper's nets are");
  }
  return energy;
}

function build(network: NetworkSpec, key: Key): ConvEnergy | MlpEnergy {
  const { activation } = network;
  if (network.kind === 'mlp') {
    const [dimension, ...rest] = network.sizes as [number, ...number[]];
    return mlpEnergy({ dimension, hidden: rest.slice(0, -1), activation, key });
  }
  const channels = network.layers.slice(0, -1).map(({ outChannels }) => outChannels);
  return convEnergy({ imageShape: network.imageShape, channels, activation, key });
}

function layout(network: NetworkSpec): string {
  return JSON.stringify(network.kind === 'conv' ? network.layers : network.sizes);
}
