/** The weights of the CIFAR-10 classifier: learned once, kept as a safetensors file, and found again. */
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Dataset, key, MissingWeightsError } from '@srmcmc/core';
import { fromFloat32, parse, type SafetensorsFile, serialize, toFloat32 } from '@srmcmc/safetensors';
import { replaceFile } from '@srmcmc/safetensors/node';
import { cacheFolder, storing } from '../cache-folder.ts';
import { CorruptWeightsError } from '../inception/errors.ts';
import { CIFAR10_NETWORK, parameterShapes } from './network.ts';
import { learn, type LearningOptions, type LearningProgress } from './training.ts';

export interface ClassifierWeights {
  readonly file: string;
  /** Of the file, in hexadecimal: what is computed with other weights does not compare. */
  readonly sha256: string;
  readonly parameters: ReadonlyMap<string, Float32Array>;
}

export interface ClassifierTrainingOptions {
  /** Where the weights are kept. Default: `cifar10-classifier.safetensors` in `srmcmc` in the user's cache folder. */
  readonly file?: string | undefined;
  /** Called after each step of the optimizer. */
  readonly onProgress?: ((progress: LearningProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

const FILE = 'cifar10-classifier.safetensors';
const FORMAT = 'srmcmc-cifar10-classifier';
const VERSION = '1';

/** What every classifier of this version is learned with. */
const RECIPE = { key: key(0), epochs: 10, batchSize: 128, learningRate: 2e-3 } satisfies LearningOptions;

/** `cifar10-classifier.safetensors` in `srmcmc` in the user's cache folder, $XDG_CACHE_HOME or ~/.cache. */
export function classifierFile(): string {
  return join(cacheFolder(), FILE);
}

/**
 * Learns the classifier from CIFAR-10's labelled training images on the active backend, about two minutes on two cores
 * with `@srmcmc/native`, and writes its weights, whole or not at all. The order, the mirrored images and the initial
 * weights come from a fixed key, so that the same backend on the same machine learns the same weights; others round in
 * other ways and learn others, whose hash differs.
 *
 * @param data Images [32, 32, 3] with labels 0 to 9.
 * @throws InvalidShapeError or InvalidArgumentError for other data; StorageError where the file cannot be written; the
 * signal's reason when it is aborted.
 */
export async function trainClassifier(
  data: Dataset,
  options: ClassifierTrainingOptions = {},
): Promise<ClassifierWeights> {
  const { file = classifierFile(), onProgress, signal } = options;
  const parameters = await learn(data, CIFAR10_NETWORK, { ...RECIPE, onProgress, signal });
  const shapes = parameterShapes(CIFAR10_NETWORK);
  const tensors = [...parameters].map(
    ([name, values]) => [name, fromFloat32(values, [...shapes.get(name)!])] as const,
  );
  const bytes = serialize({ tensors, metadata: { format: FORMAT, version: VERSION, data: data.name } });
  await storing(file, async () => {
    await mkdir(dirname(file), { recursive: true });
    await replaceFile(file, [bytes]);
  });
  return { file, sha256: sha256Of(bytes), parameters };
}

/**
 * The weights in a file that `trainClassifier` wrote.
 *
 * @throws MissingWeightsError where there is none; CorruptWeightsError for a file that is damaged or something else.
 */
export async function loadClassifierWeights(file = classifierFile()): Promise<ClassifierWeights> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new MissingWeightsError(`${file} cannot be read: ${why}: trainClassifier makes it`, { cause });
  }
  const corrupt = (problem: string, options?: ErrorOptions): CorruptWeightsError =>
    new CorruptWeightsError(`${file}: ${problem}: remove it, and train the classifier again`, options);
  let content: SafetensorsFile;
  try {
    content = parse(bytes);
  } catch (cause) {
    throw corrupt((cause as Error).message, { cause });
  }
  const { format, version } = content.metadata;
  if (format !== FORMAT || version !== VERSION) throw corrupt('it is no classifier of this version');
  const parameters = new Map<string, Float32Array>();
  for (const [name, shape] of parameterShapes(CIFAR10_NETWORK)) {
    const tensor = content.tensors.get(name);
    if (tensor?.shape.join() !== shape.join()) throw corrupt(`it lacks ${name} [${shape.join(', ')}]`);
    const values = toFloat32(tensor);
    if (!values.every(Number.isFinite)) throw corrupt(`${name} has numbers that are not finite`);
    parameters.set(name, values);
  }
  return { file, sha256: sha256Of(bytes), parameters };
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
