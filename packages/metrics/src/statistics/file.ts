/** Statistics of a reference, computed once and kept: pytorch-fid's .npz files, and safetensors. */
import { InvalidArgumentError } from '@srmcmc/core';
import {
  fromTypedArray,
  parse,
  type RawTensor,
  serialize,
  toFloat32,
  toTypedArray,
} from '@srmcmc/safetensors';
import { replaceFile } from '@srmcmc/safetensors/node';
import { CorruptStatisticsError } from '../errors.ts';
import { type FeatureSource, UNNAMED } from '../features/feature-set.ts';
import { type NpyArray, readBytes, readNpy, readZip, writeNpy, writeZip } from './npz.ts';
import type { FeatureStatistics } from './running.ts';

/** What a file without it does not say: pytorch-fid's have `mu` and `sigma` alone. */
export interface FileDefaults {
  /** Number of examples that the statistics are of. Default: infinitely many. */
  readonly count?: number;
  readonly source?: Partial<FeatureSource>;
}

interface Metadata {
  readonly count: number;
  readonly source: FeatureSource;
}

/**
 * Writes mean and covariance as `mu` and `sigma`, and what they were computed with beside them; a .npz file can be read
 * by pytorch-fid. The file is replaced as a whole or not at all.
 *
 * @throws InvalidArgumentError for another ending than .npz and .safetensors; Node's own errors.
 */
export async function saveStatistics(path: string, statistics: FeatureStatistics): Promise<void> {
  const { mean, covariance, dimension, count, source } = statistics;
  const metadata = JSON.stringify({ count, source } satisfies Metadata);
  let bytes: Uint8Array;
  if (isSafetensors(path)) {
    const tensors: [string, RawTensor][] = [
      ['mu', fromTypedArray(mean, [dimension], 'F64')],
      ['sigma', fromTypedArray(covariance, [dimension, dimension], 'F64')],
    ];
    bytes = serialize({ tensors, metadata: { statistics: metadata } });
  } else {
    const text = Buffer.from(metadata, 'utf8');
    const files = new Map([
      ['mu.npy', writeNpy({ shape: [dimension], values: mean })],
      ['sigma.npy', writeNpy({ shape: [dimension, dimension], values: covariance })],
      ['metadata.npy', writeNpy({ shape: [text.length], values: text })],
    ]);
    bytes = writeZip(files);
  }
  await replaceFile(path, [bytes]);
}

/**
 * Reads such a file, or one of pytorch-fid's, for which `defaults` say what it does not.
 *
 * @throws MissingDataError where it cannot be read; CorruptStatisticsError for a file that is damaged or holds something
 * else; InvalidArgumentError for another ending than .npz and .safetensors.
 */
export async function loadStatistics(path: string, defaults: FileDefaults = {}): Promise<FeatureStatistics> {
  const asSafetensors = isSafetensors(path);
  const bytes = await readBytes(path);
  try {
    const { mu, sigma, metadata } = asSafetensors ? fromSafetensors(bytes) : fromNpz(bytes);
    return checked(mu, sigma, metadata, defaults);
  } catch (cause) {
    throw new CorruptStatisticsError(path, cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

interface Content {
  readonly mu: NpyArray;
  readonly sigma: NpyArray;
  readonly metadata: string | undefined;
}

function fromNpz(bytes: Buffer): Content {
  const files = readZip(bytes);
  const read = (name: string): NpyArray => {
    const file = files.get(`${name}.npy`);
    if (file === undefined) throw new Error(`it has no '${name}'`);
    return readNpy(file);
  };
  const metadata = files.has('metadata.npy')
    ? Buffer.from(read('metadata').values).toString('utf8')
    : undefined;
  return { mu: read('mu'), sigma: read('sigma'), metadata };
}

function fromSafetensors(bytes: Buffer): Content {
  const { tensors, metadata } = parse(bytes);
  const read = (name: string): NpyArray => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new Error(`it has no '${name}'`);
    const values = tensor.dtype === 'F64' ? toTypedArray(tensor as RawTensor<'F64'>) : toFloat32(tensor);
    return { shape: tensor.shape, values: Float64Array.from(values) };
  };
  return { mu: read('mu'), sigma: read('sigma'), metadata: metadata.statistics };
}

function checked(
  mu: NpyArray,
  sigma: NpyArray,
  metadata: string | undefined,
  defaults: FileDefaults,
): FeatureStatistics {
  const dimension = mu.shape[0] ?? 0;
  if (mu.shape.length !== 1 || dimension === 0 || sigma.shape.join() !== `${dimension},${dimension}`) {
    throw new Error(`mu has shape [${mu.shape.join(', ')}] and sigma [${sigma.shape.join(', ')}]`);
  }
  if (!(mu.values instanceof Float64Array && sigma.values instanceof Float64Array)) {
    throw new Error('mu and sigma are not floats');
  }
  requireFinite('mu', mu);
  requireFinite('sigma', sigma);
  const own: Partial<Metadata> = metadata === undefined ? {} : (JSON.parse(metadata) as Partial<Metadata>);
  const source = { ...UNNAMED, ...defaults.source, ...own.source };
  const count = own.count ?? defaults.count ?? Infinity;
  return { count, dimension, mean: mu.values, covariance: sigma.values, source };
}

/** @throws Error that names the first number which is not finite, by its place. */
function requireFinite(name: string, { shape, values }: NpyArray): void {
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad === -1) return;
  const columns = shape.at(-1)!;
  const place = shape.length === 1 ? bad : `${Math.floor(bad / columns)}, ${bad % columns}`;
  throw new Error(
    `${name}[${place}] is ${values[bad]}: compute the statistics again, of features that are finite`,
  );
}

function isSafetensors(path: string): boolean {
  if (path.endsWith('.safetensors')) return true;
  if (path.endsWith('.npz')) return false;
  throw new InvalidArgumentError('path', `${path} must end in .npz or .safetensors`);
}
