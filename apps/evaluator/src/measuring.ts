/** Every measure that features and a reference allow. */
import { InvalidArgumentError } from '@srmcmc/core';
import {
  bootstrap,
  classifierScore,
  type FeatureSet,
  type FeatureStatistics,
  frechetDistance,
  frechetDistanceInfinity,
  inceptionScore,
  jackknife,
  kernelInceptionDistance,
  type Measurement,
  precisionRecall,
  statisticsOf,
} from '@srmcmc/metrics';
import type { Context } from './context.ts';
import type { ReadFeatures } from './feature-reading.ts';
import { progress } from './progress.ts';

/** The values of the flag `--errors`. */
export const ERRORS = ['auto', 'jackknife', 'bootstrap', 'none'] as const;

export interface MeasuringOptions {
  /** `auto`: by the jackknife where that takes no longer than the features. */
  readonly errors: (typeof ERRORS)[number];
  /** Whether Fréchet distances are extrapolated to infinitely many samples. */
  readonly infinity: boolean;
  /** Decides groups, replicates and subsets. */
  readonly seed: number;
}

/** One side of a comparison: all features, or their statistics alone. */
export type Measured = ReadFeatures | FeatureStatistics;

/** Error bars of a Fréchet distance are made of as many distances as there are groups in both sets. */
const LARGEST_WITH_ERRORS = 256;
const GROUPS = 20;
const REPLICATES = 200;
/** torch-fidelity's; of fewer images half, for subsets that are all of a set have no spread. */
const KID_SUBSET = 1000;
const KID_SUBSETS = 100;
const INFINITY_POINTS = 15;

/**
 * Fréchet distances; of images by the features of a network the kernel distance and neighbours too, and the Inception Score,
 * or the classifier's, where there are logits.
 *
 * @throws IncomparableError for features of different kinds; what the measures throw.
 */
export async function measure(
  context: Context,
  samples: Measured,
  reference: Measured,
  options: MeasuringOptions,
): Promise<Measurement[]> {
  const [ofSamples, ofReference] = [featuresIn(samples), featuresIn(reference)];
  const measurements: Measurement[] = [];
  for (const [i, a] of ofSamples.entries()) {
    // Statistics hold one kind of features.
    const b = ofReference[i];
    if (b === undefined) break;
    const distance = await frechet(context, [a, b], options);
    measurements.push(options.infinity || !isSet(a) ? distance : withRemedy(distance));
    if (options.infinity) measurements.push(await infinity(context, a, b, options));
    if (!isSet(a) || !isSet(b) || a.source.weights === null) continue;
    measurements.push(await kernelDistance(context, a, b));
    measurements.push(...(await neighbours(context, a, b)));
  }
  if ('logits' in samples && samples.logits !== undefined) {
    measurements.push(await score(context, samples.logits, options));
  }
  return measurements;
}

/** With what helps against too few images, in the words of the commands that extrapolate. */
function withRemedy(distance: Measurement): Measurement {
  const { features, samples, reference } = distance.computedWith;
  const fewest = Math.min(samples, reference!.count);
  if (fewest > features!.dimension) return distance;
  const remedy =
    'fewer images than features: a larger --count, or --infinity, which extrapolates the distance';
  return { ...distance, warnings: [...distance.warnings, remedy] };
}

type Features = FeatureSet | FeatureStatistics;

function featuresIn(measured: Measured): readonly Features[] {
  return 'sets' in measured ? measured.sets : [measured];
}

function isSet(features: Features): features is FeatureSet {
  return 'values' in features;
}

function asStatistics(features: Features): FeatureStatistics {
  return isSet(features) ? statisticsOf(features) : features;
}

/** The Fréchet distance, with error bars where `errors` says so. */
export async function frechet(
  context: Context,
  pair: readonly [Features, Features],
  options: MeasuringOptions,
): Promise<Measurement> {
  const sets = pair.filter(isSet);
  const distance = (some: readonly FeatureSet[]): Promise<Measurement> => {
    const rest = [...some];
    const [a, b] = pair.map((one) => asStatistics(isSet(one) ? rest.shift()! : one));
    return frechetDistance(a!, b!, { signal: context.signal });
  };
  const isQuick = sets.every(
    ({ dimension, count }) => dimension <= LARGEST_WITH_ERRORS && count >= 2 * GROUPS,
  );
  return withErrors(context, 'distances', sets, distance, { ...options, isQuick });
}

/** The measurement, with error bars where they are asked for. */
async function withErrors(
  context: Context,
  noun: string,
  sets: readonly FeatureSet[],
  measureOf: (sets: readonly FeatureSet[]) => Measurement | Promise<Measurement>,
  { errors, seed, isQuick }: MeasuringOptions & { readonly isQuick: boolean },
): Promise<Measurement> {
  const method = errors === 'auto' ? (isQuick ? 'jackknife' : 'none') : errors;
  if (method === 'none' || sets.length === 0) return measureOf(sets);
  const total = method === 'jackknife' ? GROUPS * sets.length : REPLICATES;
  const line = progress(context.stderr, noun, total);
  const options = { seed, onProgress: line.at };
  const result =
    method === 'jackknife'
      ? jackknife(sets, measureOf, { ...options, groups: GROUPS })
      : bootstrap(sets, measureOf, { ...options, replicates: REPLICATES, interval: 'normal' });
  return result.finally(line.end);
}

async function infinity(
  context: Context,
  samples: Features,
  reference: Features,
  { seed }: MeasuringOptions,
): Promise<Measurement> {
  if (!isSet(samples)) {
    throw new InvalidArgumentError('infinity', 'needs images to take subsets of: statistics have none');
  }
  const line = progress(context.stderr, 'distances', INFINITY_POINTS);
  const { signal } = context;
  const options = { points: INFINITY_POINTS, seed, signal, onProgress: line.at };
  return frechetDistanceInfinity(samples, asStatistics(reference), options).finally(line.end);
}

async function score(context: Context, logits: FeatureSet, options: MeasuringOptions): Promise<Measurement> {
  // Without a group the others are shuffled into other splits, which is no small change: no jackknife.
  const errors = options.errors === 'bootstrap' ? 'bootstrap' : 'none';
  const formula = logits.source.name.startsWith('inception') ? inceptionScore : classifierScore;
  const scoreOf = ([set]: readonly FeatureSet[]): Measurement => formula(set!);
  return withErrors(context, 'scores', [logits], scoreOf, { ...options, errors, isQuick: false });
}

async function kernelDistance(context: Context, samples: FeatureSet, data: FeatureSet): Promise<Measurement> {
  const { signal } = context;
  const fewest = Math.min(samples.count, data.count);
  const subsetSize = fewest <= KID_SUBSET ? Math.max(2, Math.floor(fewest / 2)) : KID_SUBSET;
  const line = progress(context.stderr, 'subsets', KID_SUBSETS);
  const options = { subsets: KID_SUBSETS, subsetSize, signal, onProgress: line.at };
  return kernelInceptionDistance(samples, data, options).finally(line.end);
}

async function neighbours(context: Context, samples: FeatureSet, data: FeatureSet): Promise<Measurement[]> {
  const line = progress(context.stderr, '% of the neighbours', 100);
  const { precision, recall, density, coverage } = await precisionRecall(samples, data, {
    signal: context.signal,
    onProgress: (fraction) => line.at(100 * fraction),
  }).finally(line.end);
  return [precision, recall, density, coverage];
}
