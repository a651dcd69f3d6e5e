/** Several sets of images measured against one reference, whose features are computed once. */
import { InvalidArgumentError } from '@srmcmc/core';
import { IncomparableError } from '@srmcmc/metrics';
import type { z } from 'zod';
import { comparisonFlags } from './commands/feature-flags.ts';
import { type Context, useBackend } from './context.ts';
import { requireFolder } from './data.ts';
import { FeatureReader, type ReadFeatures } from './feature-reading.ts';
import { type Features, openFeatures } from './features.ts';
import { measure, type Measured } from './measuring.ts';
import type { Result } from './result.ts';
import { featuresOf, named, openSubjects, openTraining, type Subject, type Training } from './subjects.ts';

export type ComparisonFlags = z.output<z.ZodObject<typeof comparisonFlags>>;

/** A side that was measured; statistics have no images to show. */
export interface Side {
  readonly subject: Subject;
  readonly read?: ReadFeatures;
}

export interface Evaluation {
  readonly backend: string;
  readonly results: readonly Result[];
  /** In the order of the results. */
  readonly sides: readonly Side[];
  readonly reference: Side;
  /** Where a report is asked for and there are images. */
  readonly training?: Training | undefined;
  /** To be called when all is written: until then an evaluation that stops can be taken up again. */
  finish(): Promise<void>;
}

/**
 * Measures each of the sources.
 *
 * @throws IncomparableError where sources have different numbers of images, before anything is computed; what
 * `openSubjects`, `openFeatures` and `measure` throw.
 */
export async function evaluate(
  context: Context,
  sources: readonly string[],
  referenceSource: string,
  flags: ComparisonFlags,
): Promise<Evaluation> {
  const { training: trainingSource } = flags;
  if (trainingSource !== undefined && flags.report === undefined) {
    throw new InvalidArgumentError('training', 'is for the report: give --report, or leave it out');
  }
  await requireFolder(
    [...sources, referenceSource, ...(trainingSource === undefined ? [] : [trainingSource])],
    flags,
  );
  const backend = await useBackend(context, flags);
  const subjects = await openSubjects(context, [...sources, referenceSource], flags);
  const reference = subjects.at(-1)!;
  const measured = subjects.slice(0, -1);
  requireEqualCounts(measured);
  const training = await trainingFor(context, measured, reference, flags);
  const features = await featuresFor(context, subjects, flags);
  const reader = new FeatureReader(context, { backend, fresh: flags.fresh });
  const read = async (subject: Subject, noun: string): Promise<Side> =>
    subject.kind === 'images'
      ? { subject, read: await reader.read(subject.images, noun, features!) }
      : { subject };
  try {
    const ofReference = await read(reference, 'images of the reference');
    const sides: Side[] = [];
    const results: Result[] = [];
    for (const subject of measured) {
      const side = await read(subject, measured.length === 1 ? 'images' : `images of ${subject.name}`);
      const [a, b] = matched(context, side, ofReference);
      sides.push(side);
      const measurements = await measure(context, a, b, flags);
      results.push({ name: subject.name, images: subject.about, measurements });
    }
    return { backend, results, sides, reference: ofReference, training, finish: () => reader.forget() };
  } finally {
    features?.dispose();
  }
}

/** Undefined where there are no images. */
async function featuresFor(
  context: Context,
  subjects: readonly Subject[],
  flags: ComparisonFlags,
): Promise<Features | undefined> {
  const first = subjects.find((subject) => subject.kind === 'images');
  if (first === undefined) return undefined;
  const { weights, resize, inceptionPrecision, weightsHash } = flags;
  const features = flags.features ?? featuresOf(subjects);
  return openFeatures(context, first.images.shape, {
    weights,
    features,
    resize,
    inceptionPrecision,
    weightsHash,
    wantsLogits: true,
  });
}

async function trainingFor(
  context: Context,
  measured: readonly Subject[],
  reference: Subject,
  flags: ComparisonFlags,
): Promise<Training | undefined> {
  const first = measured.find((subject) => subject.kind === 'images');
  if (flags.report === undefined || first === undefined) return undefined;
  return openTraining(context, flags.training, first.images, reference, flags);
}

/** What is measured of the two; statistics that do not say what computed them are taken for what the other has. */
function matched(context: Context, a: Side, b: Side): [Measured, Measured] {
  const sourceOf = ({ subject, read: images }: Side) =>
    subject.kind === 'statistics' ? subject.statistics.source : images!.sets[0]!.source;
  const measuredOf = (side: Side, other: Side): Measured =>
    side.subject.kind === 'statistics' ? named(context, side.subject, sourceOf(other)) : side.read!;
  return [measuredOf(a, b), measuredOf(b, a)];
}

function requireEqualCounts(subjects: readonly Subject[]): void {
  const counts = subjects.map((subject) =>
    subject.kind === 'images' ? subject.images.count : subject.statistics.count,
  );
  const other = counts.findIndex((count) => count !== counts[0]);
  if (other < 1) return;
  throw new IncomparableError(`${subjects[0]!.name} and ${subjects[other]!.name}`, [
    `number of images: ${counts[0]}, ${counts[other]} (--count ${Math.min(...counts)} makes them equal)`,
  ]);
}
