/** Small checkpoints, learned and written by the packages themselves. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Checkpoint, type SamplerSpec, writeCheckpoint } from '@srmcmc/checkpoint';
import { type Energy, key } from '@srmcmc/core';
import { convEnergy, mlpEnergy, toStateDict } from '@srmcmc/energy';

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'srmcmc-eval-'));
}

const SAMPLER: SamplerSpec = {
  kernel: 'langevin',
  drift: 1,
  noise: 0.01,
  steps: 4,
  initial: { name: 'uniform', low: -1, high: 1 },
};

/** A net for 8 × 8 images of three colours with PyTorch's initial weights. */
export async function writeImageCheckpoint(path: string, changes: Partial<Checkpoint> = {}): Promise<void> {
  await tf.setBackend('cpu');
  const energy = convEnergy({ imageShape: [8, 8, 3], channels: [4, 8], key: key(7) });
  await write(path, energy, SAMPLER, changes);
}

/** A perceptron for points, with swish. */
export async function writePointCheckpoint(
  path: string,
  dimension: number,
  changes: Partial<Checkpoint> = {},
): Promise<void> {
  await tf.setBackend('cpu');
  const energy = mlpEnergy({ dimension, hidden: [16], key: key(8) });
  await write(path, energy, { ...SAMPLER, drift: 0.05, noise: 0.3 }, changes);
}

async function write(
  path: string,
  energy: Energy & { dispose(): void },
  sampler: SamplerSpec,
  changes: Partial<Checkpoint>,
): Promise<void> {
  const checkpoint: Checkpoint = {
    iteration: 12,
    network: energy.network!,
    sampler,
    weights: await toStateDict(energy),
    optimizer: { step: 12, moments: new Map() },
    chains: new Map(),
    key: key(0),
    config: { data: 'rings', sigma: 0.03 },
    progress: {},
    software: { '@srmcmc/trainer': '0.1.0' },
    ...changes,
  };
  energy.dispose();
  await writeCheckpoint(path, checkpoint);
}
