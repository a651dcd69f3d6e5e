/** The generator in a checkpoint, a run's folder, or a state dict of the paper's program. */
import { stat } from 'node:fs/promises';
import { type InitialSpec, type Json, readCheckpoint, type SamplerSpec } from '@srmcmc/checkpoint';
import {
  type Energy,
  gaussian,
  type InitialDistribution,
  key,
  type NetworkSpec,
  type TransitionKernel,
  uniform,
} from '@srmcmc/core';
import { convNetworkOf, energyOf, loadStateDict, type StateDict } from '@srmcmc/energy';
import { fromLangevin, hmc } from '@srmcmc/hmc';
import { langevin } from '@srmcmc/langevin';
import { toFloat32 } from '@srmcmc/safetensors';
import { readTensorFile, stateDictOf } from './tensor-file.ts';

export interface Model {
  /** The file that was read. */
  readonly path: string;
  /** Iterations of learning; undefined for bare weights. */
  readonly iteration?: number;
  readonly sampler: SamplerSpec;
  /** The run's configuration; empty for bare weights. */
  readonly config: { readonly [name: string]: Json };
  readonly energy: Energy;
  readonly kernel: TransitionKernel;
  readonly initial: InitialDistribution;
  /** What the reader should tell the user. */
  readonly warnings: readonly string[];
}

/** Of the paper's program (Nijkamp et al. 2019, eq. 4 and 5): what bare weights are sampled with. */
const PAPER_SAMPLER: SamplerSpec = {
  kernel: 'langevin',
  drift: 1,
  noise: 0.01,
  steps: 100,
  initial: { name: 'uniform', low: -1, high: 1 },
};

/**
 * Reads a checkpoint, the newest good one of a run's folder, or bare weights (.pth or .safetensors) of a net of the
 * paper's kind. The active backend holds the weights.
 *
 * @throws MissingWeightsError, CorruptCheckpointError or CheckpointVersionError as `readCheckpoint` does; PthError or
 * SafetensorsError for a damaged file of weights.
 */
export async function openModel(path: string): Promise<Model> {
  if (!(await isFolder(path))) {
    const file = await readTensorFile(path);
    if (file.kind !== 'checkpoint') {
      const weights: StateDict = new Map(
        [...stateDictOf(path, file)].map(([name, tensor]) => [
          name,
          { shape: tensor.shape, data: toFloat32(tensor) },
        ]),
      );
      const warning = 'bare weights: sampled as in the paper, x ← x + f′(x) + 0.01 U from uniform noise';
      return assemble(path, convNetworkOf(weights), weights, PAPER_SAMPLER, {}, [warning]);
    }
  }
  const { path: found, checkpoint, damaged } = await readCheckpoint(path);
  const { network, weights, sampler, config, iteration } = checkpoint;
  const warnings = damaged.map(({ error }) => `passed over a damaged checkpoint: ${error.message}`);
  return { ...assemble(found, network, weights, sampler, config, warnings), iteration };
}

function assemble(
  path: string,
  network: NetworkSpec,
  weights: StateDict,
  sampler: SamplerSpec,
  config: Model['config'],
  warnings: readonly string[],
): Model {
  // The weights that the key decides are replaced by those that are loaded.
  const energy = energyOf(network, key(0));
  loadStateDict(energy, weights);
  return {
    path,
    sampler,
    config,
    energy,
    kernel: kernelOf(sampler),
    initial: initialOf(sampler.initial, energy.eventShape),
    warnings,
  };
}

function kernelOf({ drift, noise, leapfrogSteps }: SamplerSpec): TransitionKernel {
  if (leapfrogSteps === undefined) return langevin({ drift, noise });
  return hmc({ ...fromLangevin({ drift, noise }), leapfrogSteps, metropolis: false });
}

function initialOf(spec: InitialSpec, eventShape: readonly number[]): InitialDistribution {
  return spec.name === 'uniform' ? uniform(eventShape, spec) : gaussian(eventShape, spec);
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
