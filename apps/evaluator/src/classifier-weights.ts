/** The weights of the CIFAR-10 classifier: found in the cache folder, or learned, which is told on stderr. */
import { MissingWeightsError } from '@srmcmc/core';
import { cifar10 } from '@srmcmc/datasets';
import {
  classifierFile,
  type ClassifierWeights,
  loadClassifierWeights,
  trainClassifier,
} from '@srmcmc/metrics';
import type { Context } from './context.ts';
import { progress } from './progress.ts';

/**
 * The weights that are there; otherwise they are learned once, from CIFAR-10 at a path, or as it is installed.
 *
 * @throws CorruptWeightsError for a damaged file; MissingDataError without CIFAR-10; StorageError.
 */
export async function classifierWeights(context: Context, source?: string): Promise<ClassifierWeights> {
  let weights: ClassifierWeights;
  try {
    weights = await loadClassifierWeights();
  } catch (error) {
    if (!(error instanceof MissingWeightsError)) throw error;
    weights = await learnClassifier(context, source);
  }
  context.stderr.write(`classifier of CIFAR-10: SHA-256 ${weights.sha256.slice(0, 8)}, ${weights.file}\n`);
  return weights;
}

/** Learns them anew. */
export async function learnClassifier(context: Context, source?: string): Promise<ClassifierWeights> {
  const { stderr, signal } = context;
  const data = await cifar10(source === undefined ? {} : { source });
  stderr.write(`learning the classifier, once: ${classifierFile()}\n`);
  let line: ReturnType<typeof progress> | undefined;
  const onProgress = ({ step, steps }: { step: number; steps: number }): void => {
    line ??= progress(stderr, 'steps', steps);
    line.at(step);
  };
  return trainClassifier(data, { signal, onProgress }).finally(() => line?.end());
}
