/** The Inception Score, and the same of another classifier: how sure it is of each image, and how many classes it sees. */
import { InvalidArgumentError, requireInteger } from '@srmcmc/core';
import { TooFewExamplesError } from './errors.ts';
import type { FeatureSet } from './features/feature-set.ts';
import type { Measurement } from './measurement.ts';
import { NumpyRandomState } from './numpy-random.ts';

export interface InceptionScoreOptions {
  /** Default: 10. */
  readonly splits?: number;
  /**
   * Of numpy's RandomState, which shuffles the images first, as torch-fidelity does; null leaves them in their order,
   * as the original program does. Default: 2020, torch-fidelity's.
   */
  readonly seed?: number | null;
}

export interface InceptionScore extends SplitScore {
  readonly metric: 'inception-score';
}

export interface ClassifierScore extends SplitScore {
  readonly metric: 'classifier-score';
}

interface SplitScore extends Measurement {
  /** Of the splits, divided by their number. */
  readonly deviation: number;
  /** One score a split. */
  readonly splits: readonly number[];
}

/** Splits of this few images make a score that is much too low: it cannot exceed their number. */
const FEW_EXAMPLES_A_SPLIT = 100;

/**
 * exp E KL(p(y|x) ‖ p(y)), the mean over splits (Salimans et al. 2016, "Improved techniques for training GANs"), from
 * logits [n, classes]; torch-fidelity's and the original program's are `logitsUnbiased` of Inception. Between 1 and
 * the number of classes.
 *
 * @throws TooFewExamplesError for fewer examples than splits; InvalidArgumentError.
 */
export function inceptionScore(logits: FeatureSet, options: InceptionScoreOptions = {}): InceptionScore {
  return { ...splitScore(logits, options), metric: 'inception-score' };
}

/**
 * The Inception Score's formula on the logits of another classifier, which `classifier` gives. Its numbers are no Inception
 * Scores and compare with none: they lie between 1 and that classifier's number of classes.
 *
 * @throws what `inceptionScore` throws.
 */
export function classifierScore(logits: FeatureSet, options: InceptionScoreOptions = {}): ClassifierScore {
  return { ...splitScore(logits, options), metric: 'classifier-score' };
}

function splitScore(logits: FeatureSet, options: InceptionScoreOptions): Omit<SplitScore, 'metric'> {
  const { splits = 10, seed = 2020 } = options;
  const { count, dimension, source } = logits;
  requireInteger('splits', splits, 1);
  if (seed !== null) requireSeed(seed);
  if (count < splits) {
    throw new TooFewExamplesError('logits', splits, count, 'every split needs one: ask for fewer splits');
  }
  const order =
    seed === null
      ? Uint32Array.from({ length: count }, (_, i) => i)
      : new NumpyRandomState(seed).permutation(count);
  const scores = Array.from({ length: splits }, (_, i) => {
    const first = Math.floor((i * count) / splits);
    const end = Math.floor(((i + 1) * count) / splits);
    return scoreOf(logits, order.subarray(first, end));
  });
  const mean = scores.reduce((sum, score) => sum + score, 0) / splits;
  const deviation = Math.sqrt(scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / splits);
  const each = Math.floor(count / splits);
  return {
    value: mean,
    deviation,
    splits: scores,
    computedWith: {
      features: { ...source, dimension },
      samples: count,
      settings: { splits, seed: seed ?? 'in order' },
    },
    warnings:
      each < FEW_EXAMPLES_A_SPLIT
        ? [`splits of ${each} examples make a score that is too low: it cannot exceed ${each}`]
        : [],
  };
}

/** exp of the mean over `rows` of Σ p (log p − log of their mean p). */
function scoreOf({ values, dimension }: FeatureSet, rows: Uint32Array): number {
  const logProbabilities = new Float64Array(dimension);
  const marginal = new Float64Array(dimension);
  let negativeEntropy = 0;
  for (const row of rows) {
    const logits = values.subarray(row * dimension, (row + 1) * dimension);
    logSoftmax(logits, logProbabilities);
    for (let c = 0; c < dimension; c++) {
      const p = Math.exp(logProbabilities[c]!);
      marginal[c]! += p / rows.length;
      negativeEntropy += (p * logProbabilities[c]!) / rows.length;
    }
  }
  // Σ_x Σ_c p(c|x) log p(c) / n = Σ_c p(c) log p(c).
  let negativeMarginalEntropy = 0;
  for (const p of marginal) if (p > 0) negativeMarginalEntropy += p * Math.log(p);
  return Math.exp(negativeEntropy - negativeMarginalEntropy);
}

function logSoftmax(logits: Float32Array | Float64Array, out: Float64Array): void {
  let largest = -Infinity;
  for (const logit of logits) largest = Math.max(largest, logit);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - largest);
  const normaliser = largest + Math.log(sum);
  for (let i = 0; i < logits.length; i++) out[i] = logits[i]! - normaliser;
}

/** @throws InvalidArgumentError for a number that is no seed of RandomState. */
export function requireSeed(seed: number): void {
  requireInteger('seed', seed, 0);
  if (seed >= 2 ** 32) throw new InvalidArgumentError('seed', `must be below 2^32, got ${seed}`);
}
