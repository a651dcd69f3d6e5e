/** `metrics`: how far images are from a reference, by features. */
import { InvalidArgumentError } from '@srmcmc/core';
import {
  type FeatureSet,
  type FeatureStatistics,
  frechetDistance,
  inceptionScore,
  jackknife,
  kernelInceptionDistance,
  loadStatistics,
  type Measurement,
  precisionRecall,
  statisticsOf,
} from '@srmcmc/metrics';
import { z } from 'zod';
import { type Context, useBackend } from '../context.ts';
import {
  type FeatureName,
  type Features,
  openFeatures,
  type ReadFeatures,
  readFeatures,
} from '../features.ts';
import { type ImageSet, isImageFolder, isStatistics, openImages } from '../image-set.ts';
import { metricsTable } from '../metrics-table.ts';
import { writeOutputFile } from '../output-file.ts';
import { progress } from '../progress.ts';
import { featureFlags } from './feature-flags.ts';

export const metricsFlags = z.object({
  reference: z.string().describe('what to compare with: data, a model, or a file of statistics'),
  count: z.int().min(2).default(1000).describe('samples, or a random choice of as many data, on either side'),
  ...featureFlags,
  json: z.string().optional().describe('file to write the numbers to, with all that they depend on'),
});

export type MetricsFlags = z.output<typeof metricsFlags>;

/** Error bars of a Fréchet distance are made of as many distances as there are groups in both sets. */
const LARGEST_WITH_ERRORS = 256;
const GROUPS = 20;
/** torch-fidelity's; of fewer images half, for subsets that are all of a set have no spread. */
const KID_SUBSET = 1000;

/** Prints a table of the measures that the features and the reference allow; with `json` it writes them to a file. */
export async function metrics(context: Context, path: string, flags: MetricsFlags): Promise<void> {
  if (await isStatistics(path)) {
    throw new InvalidArgumentError(
      'path',
      `${path} holds statistics: name it as --reference, and images first`,
    );
  }
  await useBackend(context, flags.backend);
  const ofStatistics = await isStatistics(flags.reference);
  const { images, reference } = await openBoth(context, path, flags, ofStatistics);
  const features = await openFeatures(context, images.shape, {
    weights: flags.weights,
    features: flags.features ?? (ofStatistics ? await featuresOf(flags.reference) : undefined),
    resize: flags.resize,
    wantsLogits: true,
  });
  try {
    const read = await readFeatures(context, images, 'images', features, { logits: true });
    const measurements =
      reference === undefined
        ? await againstStatistics(context, read, flags.reference, features)
        : await againstImages(
            context,
            read,
            await readFeatures(context, reference, 'images of the reference', features, { logits: false }),
          );
    if (read.logits !== undefined) measurements.push(inceptionScore(read.logits));
    const about = { images: images.about, reference: reference?.about ?? { statistics: flags.reference } };
    if (flags.json !== undefined) {
      const text = `${JSON.stringify({ ...about, measurements }, null, 2)}\n`;
      await writeOutputFile(flags.json, (append) => append(Buffer.from(text)));
    }
    context.stdout.write(metricsTable(measurements, about));
  } finally {
    features.dispose();
  }
}

/** Images of a folder, which have no size of their own, are brought to that of the other side. */
async function openBoth(
  context: Context,
  path: string,
  flags: MetricsFlags,
  ofStatistics: boolean,
): Promise<{ images: ImageSet; reference?: ImageSet }> {
  if (ofStatistics) return { images: await openImages(context, path, flags) };
  if (flags.size === undefined && (await isImageFolder(path)) && !(await isImageFolder(flags.reference))) {
    const reference = await openImages(context, flags.reference, flags);
    return { images: await openImages(context, path, { ...flags, size: reference.shape[0] }), reference };
  }
  const images = await openImages(context, path, flags);
  const size = flags.size ?? images.shape[0];
  return { images, reference: await openImages(context, flags.reference, { ...flags, size }) };
}

/** Which features a file of statistics has, so that they need not be named; pytorch-fid's do not say. */
async function featuresOf(path: string): Promise<FeatureName | undefined> {
  const { source } = await loadStatistics(path);
  if (source.name.startsWith('pixels ')) return 'pixels';
  if (source.name.startsWith('power spectrum ')) return 'spectrum';
  const inception = /^inception-v3-2015-12-05\/(64|192|768|2048)$/.exec(source.name);
  return inception === null ? undefined : (inception[1] as FeatureName);
}

async function againstStatistics(
  context: Context,
  { sets }: ReadFeatures,
  path: string,
  { extractors }: Features,
): Promise<Measurement[]> {
  const [set, another] = sets;
  if (another !== undefined) {
    throw new InvalidArgumentError('features', `${path} does not say which it has: name them`);
  }
  const named = await loadStatistics(path);
  if (named.source.name === 'unnamed') {
    context.stderr.write(`warning: ${path} does not say what computed it: taken for ${set!.source.name}\n`);
  }
  const reference = await loadStatistics(path, { source: extractors[0]!.source });
  return [await frechet(context, [set!], ([samples]) => [statisticsOf(samples!), reference])];
}

async function againstImages(
  context: Context,
  images: ReadFeatures,
  reference: ReadFeatures,
): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  for (const [i, samples] of images.sets.entries()) {
    const data = reference.sets[i]!;
    measurements.push(
      await frechet(context, [samples, data], ([a, b]) => [statisticsOf(a!), statisticsOf(b!)]),
    );
    if (samples.source.weights !== null) {
      measurements.push(await kernelDistance(context, samples, data));
      measurements.push(...(await neighbours(context, samples, data)));
    }
  }
  return measurements;
}

type Statistics = (sets: readonly FeatureSet[]) => [FeatureStatistics, FeatureStatistics];

/** With error bars where they take no longer than the features. */
async function frechet(
  context: Context,
  sets: readonly FeatureSet[],
  statistics: Statistics,
): Promise<Measurement> {
  const measure = (some: readonly FeatureSet[]) =>
    frechetDistance(...statistics(some), { signal: context.signal });
  const withErrors = sets.every(
    ({ dimension, count }) => dimension <= LARGEST_WITH_ERRORS && count >= 2 * GROUPS,
  );
  if (!withErrors) return measure(sets);
  const line = progress(context.stderr, 'distances', GROUPS * sets.length);
  return jackknife(sets, measure, { groups: GROUPS, onProgress: line.at }).finally(line.end);
}

async function kernelDistance(context: Context, samples: FeatureSet, data: FeatureSet): Promise<Measurement> {
  const { signal } = context;
  const fewest = Math.min(samples.count, data.count);
  const subsetSize = fewest < KID_SUBSET ? Math.max(2, Math.floor(fewest / 2)) : KID_SUBSET;
  const line = progress(context.stderr, 'subsets', 100);
  return kernelInceptionDistance(samples, data, { subsetSize, signal, onProgress: line.at }).finally(
    line.end,
  );
}

async function neighbours(context: Context, samples: FeatureSet, data: FeatureSet): Promise<Measurement[]> {
  const line = progress(context.stderr, '% of the neighbours', 100);
  const { precision, recall, density, coverage } = await precisionRecall(samples, data, {
    signal: context.signal,
    onProgress: (fraction) => line.at(100 * fraction),
  }).finally(line.end);
  return [precision, recall, density, coverage];
}
