/** The weights of Inception-v3 from any of the files they are published as, batch norm folded into the filters. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MissingWeightsError } from '@srmcmc/core';
import { PthError, stateDict } from '@srmcmc/pth';
import { parse, type RawTensor, SafetensorsError } from '@srmcmc/safetensors';
import { CONVOLUTIONS } from './convolutions.ts';
import { CorruptWeightsError, WeightsHashError } from './errors.ts';
import { type Affine, classifierOf, foldedConvolution } from './folding.ts';
import { fromGraph, fromStateDict, type TensorReader } from './naming.ts';
import { graphConstants } from './graph-def.ts';
import { STAGES, type Stage } from './network.ts';

/** Spatial means after the two first pools, Mixed_6e and Mixed_7c; the classifier's outputs, with and without bias. */
export type InceptionFeature = Stage['feature'] | 'logits' | 'logitsUnbiased';

export interface InceptionWeights {
  /** Where they were read from. */
  readonly file: string;
  /** Of the file, in hexadecimal. */
  readonly sha256: string;
  /** What can be computed with them: all six, or the first few when the file ends before the network does. */
  readonly features: readonly InceptionFeature[];
  /** Filters [height, width, in, out] and biases [out], by pytorch-fid's names of the convolutions. */
  readonly convolutions: ReadonlyMap<string, Affine>;
  /** [2048, 1008] and [1008]. */
  readonly classifier: Affine | undefined;
  /** Names of the layers that the file lacks, in the order of the network. */
  readonly missing: readonly string[];
}

/** What files of the weights are called, best first, where a folder is given. */
const WEIGHTS_FILES = [
  'pt_inception-2015-12-05-6726825d.pth',
  'weights-inception-2015-12-05-6726825d.pth',
  'classify_image_graph_def.pb',
  'inception-2015-12-05.safetensors',
  'inception-2015-12-05-to-mixed-6e.safetensors',
] as const;

/**
 * Reads the weights of the 2015-12-05 graph from pytorch-fid's or torch-fidelity's `.pth`, the frozen TensorFlow
 * graph `classify_image_graph_def.pb`, or a `.safetensors` with pytorch-fid's names; what it is, the content tells.
 * Batch norm (ε = 0.001) may be folded into `conv.weight` and `conv.bias` already. A file that ends early, at
 * Mixed_6e say, gives the features up to there: see `features` and `describeWeights`.
 *
 * @param path A file, or a folder that has one under its published name.
 * @param options.sha256 Refuses a file with any other.
 * @throws MissingWeightsError where there is no such file, or it lacks even the first layers; WeightsHashError;
 * CorruptWeightsError for a file that is truncated, of an unknown format, or of another network.
 */
export async function loadInceptionWeights(
  path: string,
  options: { readonly sha256?: string } = {},
): Promise<InceptionWeights> {
  const file = await weightsFile(path);
  const bytes = await read(file);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (options.sha256 !== undefined && options.sha256.toLowerCase() !== sha256) {
    throw new WeightsHashError(file, options.sha256.toLowerCase(), sha256, 'get the file again');
  }
  const tensors = namingFile(file, () => readerOf(bytes));
  const convolutions = new Map<string, Affine>();
  const missing: string[] = [];
  for (const place of CONVOLUTIONS) {
    const folded = namingFile(file, () => foldedConvolution(tensors, place));
    if (folded === undefined) missing.push(place.name);
    else convolutions.set(place.name, folded);
  }
  const classifier = namingFile(file, () => classifierOf(tensors));
  if (classifier === undefined) missing.push('fc');
  const features = featuresWithout(missing);
  if (features.length === 0) {
    throw new MissingWeightsError(
      `${file} has no weights for ${missing[0]} and ${missing.length - 1} more layers of Inception-v3: give ` +
        `pytorch-fid's ${WEIGHTS_FILES[0]}`,
    );
  }
  return { file, sha256, features, convolutions, classifier, missing };
}

/** One line for reports: 'Inception-v3 of 2015-12-05' and, where the weights end early, up to which layer. */
export function describeWeights(weights: InceptionWeights): string {
  const network = `Inception-v3 of 2015-12-05 (SHA-256 ${weights.sha256.slice(0, 8)})`;
  if (weights.missing.length === 0) return network;
  return (
    `${network} without ${weights.missing[0]} and what follows it: features ${weights.features.join(', ')} only, ` +
    `so a Fréchet distance is FID-${weights.features.at(-1)}, which does not compare with the usual FID-2048`
  );
}

/** A feature needs its stage and all before it; the logits need every stage and the classifier. */
function featuresWithout(missing: readonly string[]): InceptionFeature[] {
  const incomplete = new Set(CONVOLUTIONS.filter(({ name }) => missing.includes(name)).map((c) => c.feature));
  const end = STAGES.findIndex(({ feature }) => incomplete.has(feature));
  const features: InceptionFeature[] = STAGES.slice(0, end < 0 ? STAGES.length : end).map((s) => s.feature);
  return missing.length === 0 ? [...features, 'logits', 'logitsUnbiased'] : features;
}

async function weightsFile(path: string): Promise<string> {
  const kind = await stat(path).catch(() => undefined);
  if (!kind?.isDirectory()) return path;
  for (const name of WEIGHTS_FILES) {
    const file = join(path, name);
    if ((await stat(file).catch(() => undefined))?.isFile()) return file;
  }
  throw new MissingWeightsError(`${path} has none of ${WEIGHTS_FILES.join(', ')}`);
}

async function read(file: string): Promise<Uint8Array> {
  try {
    const { buffer, byteOffset, byteLength } = await readFile(file);
    return new Uint8Array(buffer, byteOffset, byteLength);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new MissingWeightsError(`${file} cannot be read: ${why}`, { cause });
  }
}

/** What the content is, by how it begins. */
function readerOf(bytes: Uint8Array): TensorReader {
  const starts = (...start: number[]): boolean => start.every((byte, i) => bytes[i] === byte);
  // A zip archive, or a pickle of protocol 2: the formats of torch.save.
  if (starts(0x50, 0x4b) || starts(0x80, 0x02)) return fromStateDict(stateDict(bytes));
  // A little-endian header length below 2^32, then JSON.
  const [, , , , a, b, c, d, brace] = bytes;
  if (a === 0 && b === 0 && c === 0 && d === 0 && brace === 0x7b) {
    return fromStateDict(parse(bytes).tensors as ReadonlyMap<string, RawTensor>);
  }
  // Field 1 of a GraphDef, length-delimited.
  if (starts(0x0a)) return fromGraph(graphConstants(bytes));
  throw new CorruptWeightsError('is neither a .pth, nor a .safetensors, nor a TensorFlow graph');
}

function namingFile<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const isExpected =
      cause instanceof CorruptWeightsError || cause instanceof PthError || cause instanceof SafetensorsError;
    if (!isExpected) throw cause;
    throw new CorruptWeightsError(`${file}: ${cause.message}`, { cause });
  }
}
