/** The features of images, computed in one pass, batch by batch, or taken up where an earlier process stopped. */
import {
  extractFeatures,
  type FeatureSet,
  featureSet,
  type ImageBatch,
  type InceptionFeature,
} from '@srmcmc/metrics';
import type { Context } from './context.ts';
import { FeatureJournal, type JournalRecord } from './feature-journal.ts';
import { type Features, INCEPTION_BATCH, LOGITS } from './features.ts';
import type { ImageSet } from './image-set.ts';
import { progress } from './progress.ts';
import { VERSION } from './software.ts';

export interface ReadFeatures {
  readonly images: ImageSet;
  /** One set for each extractor. */
  readonly sets: readonly FeatureSet[];
  readonly logits?: FeatureSet;
  /** The first few images, bytes, for a picture. */
  readonly pictures: Uint8Array;
}

/** Of one batch of images: an array for each extractor, and what else was asked for. */
export interface FeatureBatch {
  readonly features: readonly (Float32Array | Float64Array)[];
  readonly logits?: Float32Array;
  readonly pictures: Uint8Array;
}

export interface FeatureReaderOptions {
  /** What computes: other backends round in other ways. */
  readonly backend: string;
  /** Nothing is taken up from an earlier process. */
  readonly fresh: boolean;
}

/** Images of each set that are kept for pictures. */
const PICTURED = 64;
const PICTURES = 'pictures';

/** Reads features, and keeps them on the disk until `forget` is called: an evaluation that fails before goes on from there. */
export class FeatureReader {
  readonly #context: Context;
  readonly #options: FeatureReaderOptions;
  readonly #journals: FeatureJournal[] = [];
  #keeps: boolean;

  constructor(context: Context, options: FeatureReaderOptions) {
    this.#context = context;
    this.#options = options;
    this.#keeps = context.cacheFolder !== undefined;
  }

  /** The features of all images; a model's samples are drawn once. Tells progress on stderr. */
  async read(images: ImageSet, noun: string, features: Features): Promise<ReadFeatures> {
    const batches: FeatureBatch[] = [];
    for await (const batch of this.batches(images, noun, features)) batches.push(batch);
    const sets = features.extractors.map(({ source, dimension }, i) =>
      featureSet(joined(batches.map((batch) => batch.features[i]!)), dimension, source),
    );
    const pictures = Buffer.concat(batches.map((batch) => batch.pictures));
    if (!features.hasLogits) return { images, sets, pictures };
    const logits = joined(batches.map((batch) => batch.logits!));
    const source = features.logits?.source ?? features.inception!.source(LOGITS);
    return { images, sets, pictures, logits: featureSet(logits, logits.length / images.count, source) };
  }

  /** The same a batch at a time, for what needs no more than one. */
  async *batches(images: ImageSet, noun: string, features: Features): AsyncGenerator<FeatureBatch> {
    const { stderr, signal } = this.#context;
    const journal = await this.#open(images, features);
    const line = progress(stderr, noun, images.count);
    let done = 0;
    try {
      for await (const record of journal?.records() ?? []) {
        signal.throwIfAborted();
        const batch = batchOf(record, features.extractors.length);
        done += batch.features[0]!.length / features.extractors[0]!.dimension;
        yield batch;
      }
      this.#tellKept(noun, done);
      if (done > 0) stderr.write(`${done} of ${images.count} ${noun} are known from before\n`);
      if (done === images.count) return;
      for await (const some of images.batches(line.at, done)) {
        signal.throwIfAborted();
        const batch = await compute(features, some, done, signal);
        await this.#keep(journal, batch);
        done += some.shape[0]!;
        this.#tellKept(noun, done);
        yield batch;
      }
    } finally {
      line.end();
      await journal?.close();
    }
  }

  /** The work is done: what was kept for another try is removed. */
  async forget(): Promise<void> {
    await Promise.all(this.#journals.map((journal) => journal.remove()));
    this.#context.kept?.clear();
  }

  /** To whoever says what a stop leaves behind. */
  #tellKept(noun: string, images: number): void {
    if (this.#keeps) this.#context.kept?.set(noun, images);
  }

  async #open(images: ImageSet, { extractors, hasLogits }: Features): Promise<FeatureJournal | undefined> {
    const { cacheFolder } = this.#context;
    if (!this.#keeps || cacheFolder === undefined) return undefined;
    const { backend, fresh } = this.#options;
    const sources = extractors.map(({ source }) => source);
    const identity = { version: VERSION, backend, images: images.identity, sources, hasLogits };
    try {
      const journal = await FeatureJournal.open(cacheFolder, identity, { empty: fresh });
      this.#journals.push(journal);
      return journal;
    } catch (error) {
      this.#keepNoMore(error as Error);
      return undefined;
    }
  }

  async #keep(journal: FeatureJournal | undefined, batch: FeatureBatch): Promise<void> {
    if (!this.#keeps) return;
    await journal?.append(recordOf(batch)).catch((error: Error) => this.#keepNoMore(error));
  }

  /** A full disk is told once, and is no reason not to compute. */
  #keepNoMore(error: Error): void {
    this.#keeps = false;
    this.#context.stderr.write(
      `warning: features are not kept, so that a stop loses them: ${error.message}\n`,
    );
  }
}

async function compute(
  { extractors, inception, logits: classes, hasLogits }: Features,
  images: ImageBatch,
  first: number,
  signal: AbortSignal,
): Promise<FeatureBatch> {
  const shown = Math.max(0, Math.min(images.shape[0]!, PICTURED - first));
  const pictures = (images.values as Uint8Array).slice(0, (images.values.length / images.shape[0]!) * shown);
  if (inception === undefined) {
    const features = [];
    for (const extractor of extractors) features.push(await extractor.features(images));
    if (!hasLogits) return { features, pictures };
    return { features, pictures, logits: (await classes!.features(images)) as Float32Array };
  }
  // The network runs once for its features and logits.
  const [feature] = inception.wanted as readonly [InceptionFeature];
  const parts: Float32Array[] = [];
  const logits: Float32Array[] = [];
  const options = { batchSize: INCEPTION_BATCH, signal };
  for await (const { features } of extractFeatures(inception, [images], options)) {
    parts.push(features[feature]);
    if (hasLogits) logits.push(features[LOGITS]);
  }
  const features = [joined(parts)];
  return hasLogits ? { features, pictures, logits: joined(logits) as Float32Array } : { features, pictures };
}

function recordOf({ features, logits, pictures }: FeatureBatch): JournalRecord {
  const record = new Map<string, Float32Array | Float64Array | Uint8Array>([[PICTURES, pictures]]);
  for (const [i, values] of features.entries()) record.set(String(i), values);
  if (logits !== undefined) record.set(LOGITS, logits);
  return record;
}

function batchOf(record: JournalRecord, extractors: number): FeatureBatch {
  const logits = record.get(LOGITS) as Float32Array | undefined;
  return {
    features: Array.from({ length: extractors }, (_, i) => record.get(String(i)) as Float32Array),
    pictures: record.get(PICTURES) as Uint8Array,
    ...(logits && { logits }),
  };
}

/** The parts one after another. */
export function joined(parts: readonly (Float32Array | Float64Array)[]): Float32Array | Float64Array {
  const size = parts.reduce((sum, { length }) => sum + length, 0);
  const all = parts[0] instanceof Float64Array ? new Float64Array(size) : new Float32Array(size);
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
