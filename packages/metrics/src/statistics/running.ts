/** Means and covariances of vectors that are seen once, in memory that does not grow with their number. */
import { InvalidShapeError, requireInteger } from '@srmcmc/core';
import { TooFewExamplesError } from '../errors.ts';
import {
  type FeatureSet,
  type FeatureSource,
  requireFinite,
  requireSameSource,
  UNNAMED,
} from '../features/feature-set.ts';
import { type Block, Workspace } from '../linear-algebra/workspace.ts';

/** What a Fréchet distance needs to know of a set of examples. */
export interface FeatureStatistics {
  readonly count: number;
  readonly dimension: number;
  /** [dimension] */
  readonly mean: Float64Array;
  /** [dimension, dimension], row-major; divided by count − 1, as np.cov does. */
  readonly covariance: Float64Array;
  readonly source: FeatureSource;
}

/** Vectors that are added to the sums at once, as one product of matrices. */
const BUFFERED = 64;
/** One more column: what the mean moved. */
const WIDTH = BUFFERED + 1;

/**
 * The mean and the sum of (x − mean)(x − mean)ᵀ in double precision, by the recurrences for blocks of Chan, Golub and
 * LeVeque 1983 ("Algorithms for computing the sample variance"), which for blocks of one are Welford's of 1962. The
 * result does not depend on how the vectors were cut into batches.
 */
export class RunningStatistics {
  readonly dimension: number;
  readonly source: FeatureSource;
  readonly #workspace: Workspace;
  /** Only what lies below the diagonal counts. */
  readonly #comoments: Block;
  /** [dimension, WIDTH]: deviations of buffered vectors, one a column. */
  readonly #deviations: Block;
  readonly #mean: Float64Array;
  readonly #buffer: Float64Array;
  #count = 0;
  #buffered = 0;

  constructor(dimension: number, source: Partial<FeatureSource> = {}) {
    requireInteger('dimension', dimension, 1);
    this.dimension = dimension;
    this.source = { ...UNNAMED, ...source };
    this.#workspace = new Workspace(dimension * (dimension + WIDTH));
    this.#comoments = this.#workspace.take(dimension ** 2);
    this.#deviations = this.#workspace.take(dimension * WIDTH);
    this.#mean = new Float64Array(dimension);
    this.#buffer = new Float64Array(BUFFERED * dimension);
  }

  /** How many vectors were added. */
  get count(): number {
    return this.#count + this.#buffered;
  }

  /**
   * Adds vectors [n, dimension].
   *
   * @throws InvalidShapeError, NonFiniteFeaturesError; after either nothing was added.
   */
  add(vectors: Float32Array | Float64Array): void {
    const { dimension } = this;
    if (vectors.length % dimension !== 0) {
      throw new InvalidShapeError('vectors', ['n', dimension], [vectors.length]);
    }
    requireFinite(vectors, dimension, this.count);
    for (let offset = 0; offset < vectors.length;) {
      const taken = Math.min(BUFFERED * dimension - this.#buffered * dimension, vectors.length - offset);
      this.#buffer.set(vectors.subarray(offset, offset + taken), this.#buffered * dimension);
      this.#buffered += taken / dimension;
      offset += taken;
      if (this.#buffered === BUFFERED) this.#flush();
    }
  }

  /**
   * Adds all that another one has seen, which stays as it is.
   *
   * @throws IncomparableError for features of another kind.
   */
  merge(other: RunningStatistics): void {
    requireSameSource(this, other);
    this.#flush();
    other.#flush();
    if (other.#count === 0) return;
    const { values } = this.#comoments;
    const added = other.#comoments.values;
    for (let i = 0; i < values.length; i++) values[i]! += added[i]!;
    this.#deviations.values.fill(0);
    this.#moveMean(other.#mean, other.#count);
  }

  /** @throws TooFewExamplesError for fewer than two vectors, which have no covariance. */
  result(): FeatureStatistics {
    this.#flush();
    const { dimension, source } = this;
    const count = this.#count;
    if (count < 2) throw new TooFewExamplesError('features', 2, count, 'a covariance is divided by n − 1');
    const covariance = new Float64Array(dimension ** 2);
    const { values } = this.#comoments;
    for (let i = 0; i < dimension; i++) {
      for (let j = 0; j <= i; j++) {
        const value = values[i * dimension + j]! / (count - 1);
        covariance[i * dimension + j] = value;
        covariance[j * dimension + i] = value;
      }
    }
    return { count, dimension, mean: this.#mean.slice(), covariance, source };
  }

  #flush(): void {
    const n = this.#buffered;
    if (n === 0) return;
    const { dimension } = this;
    const buffer = this.#buffer;
    const deviations = this.#deviations.values;
    const mean = new Float64Array(dimension);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < dimension; j++) mean[j]! += (buffer[i * dimension + j]! - mean[j]!) / (i + 1);
    }
    deviations.fill(0);
    for (let j = 0; j < dimension; j++) {
      for (let i = 0; i < n; i++) deviations[j * WIDTH + i] = buffer[i * dimension + j]! - mean[j]!;
    }
    this.#buffered = 0;
    this.#moveMean(mean, n);
  }

  /** Adds the products of the deviations, and the term by which the two means differ; moves the mean. */
  #moveMean(mean: Float64Array, added: number): void {
    const { dimension } = this;
    const total = this.#count + added;
    const between = Math.sqrt((this.#count * added) / total);
    for (let j = 0; j < dimension; j++) {
      const delta = mean[j]! - this.#mean[j]!;
      this.#deviations.values[j * WIDTH + BUFFERED] = between * delta;
      this.#mean[j]! += (delta * added) / total;
    }
    this.#count = total;
    const { kernels } = this.#workspace;
    kernels.addLowerGram(
      dimension,
      WIDTH,
      1,
      this.#deviations.place,
      WIDTH,
      this.#comoments.place,
      dimension,
    );
  }
}

/** The statistics of a whole set. @throws TooFewExamplesError for fewer than two examples. */
export function statisticsOf(set: FeatureSet): FeatureStatistics {
  const statistics = new RunningStatistics(set.dimension, set.source);
  statistics.add(set.values);
  return statistics.result();
}
