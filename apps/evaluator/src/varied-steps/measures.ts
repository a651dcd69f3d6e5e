/** What changes with the number of steps of the same chains: saturation, gradients, the distance to data. */
import { elements } from '@srmcmc/core';
import { type FeatureExtractor, featureSet, type FeatureSet } from '@srmcmc/metrics';
import type { Context } from '../context.ts';
import { frechet, type MeasuringOptions } from '../measuring.ts';
import type { Model } from '../model.ts';
import type { Examples } from '../moments/comparison.ts';
import { progress } from '../progress.ts';
import type { Reference } from '../reference.ts';
import { type VariedStepsOptions, variedSteps } from './chains.ts';
import { GradientNorms, type GradientRow } from './gradient-norms.ts';
import { type Estimate, MeasuredImages } from './images.ts';

export interface StepsRow extends GradientRow {
  /** Mean |x| over the elements; null where a chain is not finite. */
  readonly magnitude: Estimate | null;
  /** The share of the elements outside [-1, 1]; null where a chain is not finite. */
  readonly outside: number | null;
  /** Fréchet distances to data, one for each kind of features; none where a chain is not finite. */
  readonly distances: readonly Estimate[];
  /** Chains with an element that is not finite. */
  readonly diverged: number;
}

export interface StepsMeasured {
  readonly rows: readonly StepsRow[];
  /** The first chains after each K, bytes. */
  readonly images: readonly (readonly Uint8Array[])[];
  /** Names of the features; none without data. */
  readonly features: readonly string[];
  /** Of the data: mean |x|, and distances to as many other data. */
  readonly data?: { readonly magnitude: Estimate; readonly distances: readonly Estimate[] };
  /** What a reader of the distances must know, each once, with the rows that it is about. */
  readonly warnings: readonly string[];
}

export interface MeasureStepsOptions {
  readonly sampling: VariedStepsOptions;
  /** Images kept of each K. */
  readonly images: number;
  readonly extractors: readonly FeatureExtractor[];
  /** Undefined: no distances. */
  readonly reference: Reference | undefined;
  readonly measuring: MeasuringOptions;
}

const READ_AT_ONCE = 64;

/** Runs the chains once, to the largest K, and measures them at each. Tells progress on stderr. */
export async function measureSteps(
  context: Context,
  model: Model,
  { sampling, images, reference, measuring, ...rest }: MeasureStepsOptions,
): Promise<StepsMeasured> {
  const { steps, count } = sampling;
  const shape = model.energy.eventShape;
  const extractors = reference === undefined ? [] : rest.extractors;
  const sets = steps.map(() => new MeasuredImages(shape, extractors, images));
  const norms = new GradientNorms(steps.at(-1)!);
  const line = progress(context.stderr, 'chains', count);
  try {
    for await (const batch of variedSteps(model, { ...sampling, onProgress: line.at })) {
      norms.add(batch);
      for (const [i, positions] of batch.positions.entries()) await sets[i]!.add(positions);
    }
  } finally {
    line.end();
  }

  const warnings = new Map<string, string[]>();
  const distancesBetween = async (row: string, a: MeasuredImages, b: MeasuredImages): Promise<Estimate[]> => {
    const distances: Estimate[] = [];
    for (const i of extractors.keys()) {
      context.signal.throwIfAborted();
      const pair = [setOf(extractors[i]!, a, i), setOf(extractors[i]!, b, i)] as const;
      const measurement = await frechet(context, pair, measuring);
      const { name } = extractors[i]!.source;
      for (const warning of measurement.warnings) {
        const text = `${name}: ${warning}`;
        warnings.set(text, [...(warnings.get(text) ?? []), row]);
      }
      const { value, standardError } = measurement;
      distances.push({ value, ...(standardError !== undefined && { standardError }) });
    }
    return distances;
  };
  const data = reference && (await readImages(context, reference.data, reference.count, shape, extractors));
  const rows: StepsRow[] = [];
  for (const [i, k] of steps.entries()) {
    const { magnitude, outside, diverged } = sets[i]!;
    const distances =
      data === undefined || diverged > 0 ? [] : await distancesBetween(`K = ${k}`, sets[i]!, data);
    rows.push({ ...norms.of(k), magnitude, outside, distances, diverged });
  }
  const pictures = sets.map((set) => set.kept);
  if (data === undefined) return { rows, images: pictures, features: [], warnings: [] };
  const other = await readImages(context, reference!.otherData, reference!.count, shape, extractors);
  const ofData = { magnitude: data.magnitude!, distances: await distancesBetween('data', data, other) };
  const features = extractors.map(({ source }) => source.name);
  return { rows, images: pictures, features, data: ofData, warnings: withRows(warnings) };
}

/** 'K = 5, 25, data: pixels: ...' */
function withRows(warnings: ReadonlyMap<string, readonly string[]>): string[] {
  return [...warnings].map(([text, rows]) => `${rows.join(', ').replaceAll(', K = ', ', ')}: ${text}`);
}

function setOf({ dimension, source }: FeatureExtractor, images: MeasuredImages, i: number): FeatureSet {
  return featureSet(images.features(i), dimension, source);
}

async function readImages(
  context: Context,
  examples: Examples,
  count: number,
  shape: readonly number[],
  extractors: readonly FeatureExtractor[],
): Promise<MeasuredImages> {
  const set = new MeasuredImages(shape, extractors, 0);
  const stride = elements(shape);
  const waiting = new Float32Array(READ_AT_ONCE * stride);
  const line = progress(context.stderr, 'images of data', count);
  let [held, done] = [0, 0];
  const flush = async (): Promise<void> => {
    context.signal.throwIfAborted();
    if (held > 0) await set.add(waiting.slice(0, held * stride));
    held = 0;
    line.at(done);
  };
  try {
    for await (const example of examples) {
      waiting.set(example, held++ * stride);
      done++;
      if (held === READ_AT_ONCE) await flush();
    }
    await flush();
  } finally {
    line.end();
  }
  return set;
}
