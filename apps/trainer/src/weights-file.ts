/** Weights in and out of files that PyTorch shares: .safetensors and .pth state dicts. */
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { type CheckpointTensors, readCheckpoint } from '@srmcmc/checkpoint';
import { InvalidArgumentError, MissingWeightsError } from '@srmcmc/core';
import type { StateDict } from '@srmcmc/energy';
import { serializeStateDict, stateDict } from '@srmcmc/pth';
import { fromFloat32, parse, type RawTensor, serialize, toFloat32 } from '@srmcmc/safetensors';
import { writeWhole } from './files.ts';

/** What a checkpoint of ours holds beside its weights. */
const NOT_WEIGHTS = /^(optimizer|chains)\//;

/**
 * The state dict in a .safetensors file (a checkpoint is one) or a .pth file; `net.pth#netE` takes the part of it
 * under that path.
 *
 * @throws MissingWeightsError where it cannot be read; InvalidArgumentError for another kind of file.
 */
export async function readWeights(fileAndPath: string): Promise<StateDict> {
  const [file, path = ''] = fileAndPath.split('#') as [string, string?];
  const extension = weightsExtension('initWeights', file);
  let tensors: ReadonlyMap<string, RawTensor>;
  try {
    const bytes = await readFile(file);
    tensors = extension === '.safetensors' ? parse(bytes).tensors : stateDict(bytes, path);
  } catch (cause) {
    throw new MissingWeightsError(`cannot read the weights ${file}: ${(cause as Error).message}`, { cause });
  }
  return new Map(
    [...tensors]
      .filter(([name]) => !NOT_WEIGHTS.test(name))
      .map(([name, tensor]) => [name, { shape: tensor.shape, data: toFloat32(tensor) }]),
  );
}

/** Writes a state dict in the format that the file's name asks for. Throws StorageError or InvalidArgumentError. */
export async function writeWeights(file: string, weights: CheckpointTensors): Promise<void> {
  const extension = weightsExtension('export', file);
  const tensors = [...weights].map(([name, { shape, data }]) => [name, fromFloat32(data, shape)] as const);
  await writeWhole(file, extension === '.pth' ? serializeStateDict(tensors) : serialize({ tensors }));
}

/** The subcommand `export`: the weights of a checkpoint, or of the newest one of a run, as a state dict. */
export async function exportWeights(checkpointOrRun: string, file: string): Promise<void> {
  weightsExtension('export', file);
  const { checkpoint } = await readCheckpoint(checkpointOrRun);
  await writeWeights(file, checkpoint.weights);
}

/** Throws InvalidArgumentError for a file that is neither kind. */
export function weightsExtension(field: string, file: string): '.pth' | '.safetensors' {
  const extension = extname(file);
  if (extension === '.safetensors') return extension;
  if (extension === '.pth' || extension === '.pt') return '.pth';
  throw new InvalidArgumentError(field, `must end in .pth or .safetensors, got '${file}'`);
}
