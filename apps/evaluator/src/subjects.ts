/** What is measured and what it is measured against: images, or statistics that were computed before. */
import { InvalidShapeError } from '@srmcmc/core';
import { type FeatureSource, type FeatureStatistics, loadStatistics } from '@srmcmc/metrics';
import type { Context } from './context.ts';
import { isFolderOfImages } from './data.ts';
import type { FeatureName } from './features.ts';
import { type ImageSet, type ImageSetOptions, isStatistics, openImages } from './image-set.ts';
import type { About } from './result.ts';

export type Subject =
  | { readonly kind: 'images'; readonly name: string; readonly about: About; readonly images: ImageSet }
  | {
      readonly kind: 'statistics';
      readonly name: string;
      readonly about: About;
      readonly statistics: FeatureStatistics;
    };

/** The source of files that do not say what computed them, such as pytorch-fid's. */
const UNNAMED = 'unnamed';

/**
 * Opens sources in their order. Images of folders, which have no size of their own, are brought to `size` or else to that
 * of the other images.
 *
 * @throws InvalidShapeError where images are of different shapes; what `openImages` and `loadStatistics` throw.
 */
export async function openSubjects(
  context: Context,
  sources: readonly string[],
  options: ImageSetOptions,
): Promise<Subject[]> {
  const folders = await Promise.all(sources.map(isFolderOfImages));
  const opened = new Map<number, Subject>();
  let size = options.size;
  const inOrder = [...sources.keys()].sort((a, b) => Number(folders[a]) - Number(folders[b]));
  for (const at of inOrder) {
    const subject = await open(context, sources[at]!, { ...options, size });
    if (subject.kind === 'images') size ??= subject.images.shape[0];
    opened.set(at, subject);
  }
  const subjects = sources.map((_, at) => opened.get(at)!);
  requireOneShape(subjects);
  return subjects;
}

/** Data that a generator may have learned from. */
export interface Training {
  readonly name: string;
  /** All of it. */
  readonly images: ImageSet;
  /** A random choice of so many. */
  choose(count: number): Promise<ImageSet>;
}

/**
 * The data of that name, or else those that the reference is from, their training split where they have one; undefined
 * where there are neither.
 *
 * @throws InvalidShapeError where images are of another shape than those measured; what `openImages` throws.
 */
export async function openTraining(
  context: Context,
  given: string | undefined,
  measured: ImageSet,
  reference: Subject,
  options: ImageSetOptions,
): Promise<Training | undefined> {
  const isData = reference.kind === 'images' && 'data' in reference.about;
  const name = given ?? (isData ? reference.name.replace(/:test$/, '') : undefined);
  if (name === undefined) return undefined;
  const openSome = (count: number | undefined): Promise<ImageSet> =>
    openImages(context, name, { ...options, count, size: options.size ?? measured.shape[0] });
  const images = await openSome(undefined);
  if (images.shape.join() !== measured.shape.join()) {
    throw new InvalidShapeError(`training ${name}`, measured.shape, images.shape);
  }
  return { name, images, choose: openSome };
}

async function open(context: Context, name: string, options: ImageSetOptions): Promise<Subject> {
  if (await isStatistics(name)) {
    return { kind: 'statistics', name, about: { statistics: name }, statistics: await loadStatistics(name) };
  }
  const images = await openImages(context, name, options);
  return { kind: 'images', name, about: images.about, images };
}

function requireOneShape(subjects: readonly Subject[]): void {
  const [first, ...others] = subjects.filter((subject) => subject.kind === 'images');
  const other = others.find(({ images }) => images.shape.join() !== first!.images.shape.join());
  if (other === undefined) return;
  const remedy = `unlike those of ${first!.name}: resize one of them (folders: --size)`;
  throw new InvalidShapeError(`images of ${other.name}`, first!.images.shape, other.images.shape, remedy);
}

/** Which features files of statistics have, so that they need not be named. */
export function featuresOf(subjects: readonly Subject[]): FeatureName | undefined {
  for (const subject of subjects) {
    if (subject.kind !== 'statistics') continue;
    const { name } = subject.statistics.source;
    if (name.startsWith('pixels ')) return 'pixels';
    if (name.startsWith('power spectrum ')) return 'spectrum';
    const inception = /^inception-v3-2015-12-05\/(64|192|768|2048)$/.exec(name);
    if (inception !== null) return inception[1] as FeatureName;
  }
  return undefined;
}

/** Statistics that do not say what computed them are taken for what they are compared with. */
export function named(
  context: Context,
  subject: Subject & { kind: 'statistics' },
  source: FeatureSource,
): FeatureStatistics {
  if (subject.statistics.source.name !== UNNAMED || source.name === UNNAMED) return subject.statistics;
  context.stderr.write(`warning: ${subject.name} does not say what computed it: taken for ${source.name}\n`);
  return { ...subject.statistics, source };
}
