/**
 * The file of a checkpoint: safetensors, so that PyTorch reads the weights straight from it.
 *
 * Tensors: the weights under their own names, `optimizer/<name>` and `chains/<name>`. Metadata: JSON texts, and a
 * SHA-256 over all of it, because the format itself notices a missing byte but not an altered one.
 */
import { createHash } from 'node:crypto';
import { readFile as readBytes } from 'node:fs/promises';
import { CorruptCheckpointError, MissingWeightsError } from '@srmcmc/core';
import { fromFloat32, parse, type RawTensor, type SafetensorsFile, toFloat32 } from '@srmcmc/safetensors';
import { writeFileAtomic } from '@srmcmc/safetensors/node';
import type { Checkpoint, CheckpointTensor, CheckpointTensors } from './checkpoint.ts';
import { CheckpointVersionError, storing } from './errors.ts';

const FORMAT = 'srmcmc-checkpoint';
const VERSION = 1;
const OPTIMIZER = 'optimizer/';
const CHAINS = 'chains/';
const FIELDS = ['iteration', 'network', 'sampler', 'optimizer', 'key', 'config', 'progress', 'software'];

/**
 * Writes a checkpoint so that `path` holds either what it held before or all of it, whatever happens meanwhile.
 *
 * @throws StorageError when the disk is full or the folder cannot be written to.
 */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  const { weights, optimizer, chains, iteration, network, sampler, key, config, progress, software } =
    checkpoint;
  const tensors = new Map([
    ...prefixed('', weights),
    ...prefixed(OPTIMIZER, optimizer.moments),
    ...prefixed(CHAINS, chains),
  ]);
  const fields = { iteration, network, sampler, optimizer: { step: optimizer.step }, key };
  const metadata: Record<string, string> = {
    format: FORMAT,
    version: String(VERSION),
    ...mapValues({ ...fields, config, progress, software }, (field) => JSON.stringify(field)),
  };
  const sha256 = digest(tensors, metadata);
  await storing(path, () => writeFileAtomic(path, { tensors, metadata: { ...metadata, sha256 } }));
}

/**
 * Reads one checkpoint file and checks every byte of it.
 *
 * @throws MissingWeightsError when there is no such file; CorruptCheckpointError when it is truncated, altered or
 * not a checkpoint; CheckpointVersionError when a newer program wrote it.
 */
export async function readCheckpointFile(path: string): Promise<Checkpoint> {
  const { tensors, metadata } = await parseFile(path);
  if (metadata.format !== FORMAT) {
    throw new CorruptCheckpointError(`${path} is a safetensors file, but not a checkpoint of a run`);
  }
  requireVersion(path, metadata.version);
  const { sha256, ...rest } = metadata;
  if (digest(tensors, rest) !== sha256) {
    throw new CorruptCheckpointError(
      `${path} was altered or damaged: its SHA-256 does not match its content`,
    );
  }
  const absent = FIELDS.filter((name) => rest[name] === undefined);
  if (absent.length > 0) throw new CorruptCheckpointError(`${path} lacks the fields ${absent.join(', ')}`);
  // The checksum holds, so these are the texts that writeCheckpoint wrote.
  const { optimizer, ...fields } = mapValues(rest, (text, name) =>
    FIELDS.includes(name) ? JSON.parse(text) : text,
  ) as unknown as Checkpoint;
  return {
    iteration: fields.iteration,
    network: fields.network,
    sampler: fields.sampler,
    weights: select(tensors, (name) => (isPrefixed(name) ? undefined : name)),
    optimizer: { step: optimizer.step, moments: select(tensors, (name) => withoutPrefix(name, OPTIMIZER)) },
    chains: select(tensors, (name) => withoutPrefix(name, CHAINS)),
    key: fields.key,
    config: fields.config,
    progress: fields.progress,
    software: fields.software,
  };
}

async function parseFile(path: string): Promise<SafetensorsFile> {
  let bytes: Uint8Array;
  try {
    bytes = await readBytes(path);
  } catch (cause) {
    throw new MissingWeightsError(`cannot read the checkpoint ${path}: ${(cause as Error).message}`, {
      cause,
    });
  }
  try {
    return parse(bytes);
  } catch (cause) {
    throw new CorruptCheckpointError(`${path} is damaged or no checkpoint: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function requireVersion(path: string, text: string | undefined): void {
  const version = Number(text);
  if (version === VERSION) return;
  if (Number.isInteger(version) && version > VERSION) {
    throw new CheckpointVersionError(
      `${path} is a checkpoint of version ${version}, this program reads version ${VERSION}: update @srmcmc`,
    );
  }
  throw new CheckpointVersionError(
    `${path} claims version ${text ?? '(none)'}, which no release wrote: the oldest is ${VERSION}`,
  );
}

/** SHA-256 of every metadata entry and every tensor, by name, with what delimits them. */
function digest(tensors: ReadonlyMap<string, RawTensor>, metadata: Readonly<Record<string, string>>): string {
  const hash = createHash('sha256');
  for (const name of Object.keys(metadata).sort()) hash.update(JSON.stringify([name, metadata[name]]));
  for (const name of [...tensors.keys()].sort()) {
    const { dtype, shape, data } = tensors.get(name)!;
    hash.update(JSON.stringify([name, dtype, shape]));
    hash.update(data);
  }
  return hash.digest('hex');
}

function* prefixed(prefix: string, tensors: CheckpointTensors): Iterable<[string, RawTensor]> {
  for (const [name, { shape, data }] of tensors) yield [prefix + name, fromFloat32(data, shape)];
}

function select(
  tensors: ReadonlyMap<string, RawTensor>,
  rename: (name: string) => string | undefined,
): Map<string, CheckpointTensor> {
  const selected = new Map<string, CheckpointTensor>();
  for (const [name, tensor] of tensors) {
    const short = rename(name);
    if (short !== undefined) selected.set(short, { shape: tensor.shape, data: toFloat32(tensor) });
  }
  return selected;
}

function isPrefixed(name: string): boolean {
  return name.startsWith(OPTIMIZER) || name.startsWith(CHAINS);
}

function withoutPrefix(name: string, prefix: string): string | undefined {
  return name.startsWith(prefix) ? name.slice(prefix.length) : undefined;
}

function mapValues<V, W>(record: Readonly<Record<string, V>>, map: (value: V, name: string) => W) {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value, name)]));
}
