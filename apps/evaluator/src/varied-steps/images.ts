/** Images whose features and saturation are gathered batch by batch; of the images a few are kept. */
import { elements } from '@srmcmc/core';
import type { FeatureExtractor } from '@srmcmc/metrics';
import { joined } from '../feature-reading.ts';
import { toBytes } from '../pixels.ts';

export interface Estimate {
  readonly value: number;
  readonly standardError?: number;
}

export class MeasuredImages {
  /** The first few, bytes. */
  readonly kept: Uint8Array[] = [];
  /** Images with an element that is not finite. */
  diverged = 0;
  readonly #shape: readonly number[];
  readonly #extractors: readonly FeatureExtractor[];
  readonly #features: (Float32Array | Float64Array)[][];
  readonly #keep: number;
  readonly #magnitudes: number[] = [];
  #outside = 0;

  constructor(shape: readonly number[], extractors: readonly FeatureExtractor[], keep: number) {
    this.#shape = shape;
    this.#extractors = extractors;
    this.#features = extractors.map(() => []);
    this.#keep = keep;
  }

  /** Values [n, ...shape] in [-1, 1], or about it: features are those of the bytes that pictures have. */
  async add(values: Float32Array): Promise<void> {
    const stride = elements(this.#shape);
    const bytes = toBytes(values);
    for (let at = 0; at < values.length; at += stride) {
      let [sum, outside] = [0, 0];
      for (let i = at; i < at + stride; i++) {
        const size = Math.abs(values[i]!);
        sum += size;
        if (size > 1) outside++;
      }
      if (!Number.isFinite(sum)) this.diverged++;
      this.#magnitudes.push(sum / stride);
      this.#outside += outside / stride;
      if (this.kept.length < this.#keep) this.kept.push(bytes.slice(at, at + stride));
    }
    const batch = { values: bytes, shape: [values.length / stride, ...this.#shape] };
    for (const [i, extractor] of this.#extractors.entries()) {
      this.#features[i]!.push(await extractor.features(batch));
    }
  }

  /** Mean |x|, with the standard error over images; null where one is not finite. */
  get magnitude(): Estimate | null {
    if (this.diverged > 0) return null;
    const n = this.#magnitudes.length;
    const value = this.#magnitudes.reduce((sum, one) => sum + one, 0) / n;
    if (n < 2) return { value };
    const squares = this.#magnitudes.reduce((sum, one) => sum + (one - value) ** 2, 0);
    return { value, standardError: Math.sqrt(squares / (n - 1) / n) };
  }

  /** The share of the elements outside [-1, 1]; null where an image is not finite. */
  get outside(): number | null {
    return this.diverged > 0 ? null : this.#outside / this.#magnitudes.length;
  }

  /** Those of an extractor, [images, dimension] flat. */
  features(extractor: number): Float32Array | Float64Array {
    return joined(this.#features[extractor]!);
  }
}
