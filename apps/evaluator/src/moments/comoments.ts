/** Means and covariances of vectors that are seen once, one at a time, and of parts that are merged afterwards. */

/** The mean of vectors [dimension] (Welford 1962; merging: Chan, Golub and LeVeque 1983). */
export class RunningMean {
  count = 0;
  readonly mean: Float64Array;

  constructor(dimension: number) {
    this.mean = new Float64Array(dimension);
  }

  add(x: ArrayLike<number>): void {
    this.count += 1;
    for (let i = 0; i < this.mean.length; i++) this.mean[i]! += (x[i]! - this.mean[i]!) / this.count;
  }

  merge(other: RunningMean): void {
    if (other.count === 0) return;
    this.count += other.count;
    const fraction = other.count / this.count;
    for (let i = 0; i < this.mean.length; i++) this.mean[i]! += (other.mean[i]! - this.mean[i]!) * fraction;
  }
}

/** The mean and the covariance of vectors [dimension], by the same recurrences. */
export class Comoments {
  count = 0;
  readonly mean: Float64Array;
  /** Σ (x − mean)(x − mean)ᵀ over the vectors seen, [dimension, dimension]. */
  readonly comoments: Float64Array;
  readonly #delta: Float64Array;

  constructor(dimension: number) {
    this.mean = new Float64Array(dimension);
    this.comoments = new Float64Array(dimension ** 2);
    this.#delta = new Float64Array(dimension);
  }

  /** Adds the vector that starts at `offset` of `values`. */
  add(values: ArrayLike<number>, offset = 0): void {
    const { mean } = this;
    const delta = this.#delta;
    for (let i = 0; i < mean.length; i++) delta[i] = values[offset + i]! - mean[i]!;
    this.#update(1, delta);
  }

  merge(other: Comoments): void {
    if (other.count === 0) return;
    const delta = this.#delta;
    for (let i = 0; i < delta.length; i++) delta[i] = other.mean[i]! - this.mean[i]!;
    for (let i = 0; i < this.comoments.length; i++) this.comoments[i]! += other.comoments[i]!;
    this.#update(other.count, delta);
  }

  /** The unbiased covariance, [dimension, dimension], divided by count − 1. NaN for fewer than two vectors. */
  covariance(): Float64Array {
    return this.comoments.map((sum) => sum / (this.count - 1));
  }

  /** `added` vectors whose mean is `delta` away from this mean. */
  #update(added: number, delta: Float64Array): void {
    const { mean, comoments, count } = this;
    const total = count + added;
    const between = (count * added) / total;
    for (let i = 0; i < delta.length; i++) {
      const scaled = delta[i]! * between;
      for (let j = 0; j < delta.length; j++) comoments[i * delta.length + j]! += scaled * delta[j]!;
      mean[i]! += (delta[i]! * added) / total;
    }
    this.count = total;
  }
}
