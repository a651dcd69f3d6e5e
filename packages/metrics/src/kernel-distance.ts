/** The kernel distance between two sets of features: KID, on Inception's. */
import { availableParallelism } from 'node:os';
import { requireInteger } from '@srmcmc/core';
import { TooFewExamplesError } from './errors.ts';
import { digestOf, type FeatureSet, requireSameSource } from './features/feature-set.ts';
import { requireSeed } from './inception-score.ts';
import { type Block, Workspace } from './linear-algebra/workspace.ts';
import type { Measurement } from './measurement.ts';
import { NumpyRandomState } from './numpy-random.ts';

export interface KernelDistanceOptions {
  /** Default: 100. */
  readonly subsets?: number;
  /** Default: 1,000. */
  readonly subsetSize?: number;
  /** Of numpy's RandomState, which draws the subsets as torch-fidelity does. Default: 2020, torch-fidelity's. */
  readonly seed?: number;
  /** Called after each subset with the number done. */
  readonly onProgress?: (subsets: number) => void;
  readonly signal?: AbortSignal;
}

export interface KernelDistance extends Measurement {
  readonly metric: 'kernel-distance';
  /**
   * Of the subsets' values, divided by their number, as torch-fidelity has it. Absent where a subset is all of both sets,
   * so that there is one value alone.
   */
  readonly deviation?: number;
  /** One value a subset. */
  readonly subsets: readonly number[];
}

/** Threads beyond this gain nothing, for each reads more memory than the caches hold. */
const MOST_THREADS = 8;
/** Rows of a kernel matrix that the kernel holds at a time; see wasm/kernels.ts. */
const ROWS = 64;

interface Subset {
  readonly samples: Uint32Array;
  readonly reference: Uint32Array;
}

/**
 * The unbiased squared maximum mean discrepancy for the kernel (x·y / d + 1)³, the mean over random subsets (Bińkowski
 * et al. 2018, "Demystifying MMD GANs"). Unbiased, so that it can be negative; its mean does not depend on the counts.
 * Memory beyond the features is a few subsets'; the work is done in threads. Subsets that are all of both sets are
 * computed once.
 *
 * @throws TooFewExamplesError for sets smaller than a subset; IncomparableError for features that differ; the signal's
 * reason when it is aborted.
 */
export async function kernelInceptionDistance(
  samples: FeatureSet,
  reference: FeatureSet,
  options: KernelDistanceOptions = {},
): Promise<KernelDistance> {
  const { subsetSize = 1000, seed = 2020, onProgress, signal } = options;
  const isWhole = subsetSize === samples.count && subsetSize === reference.count;
  requireInteger('subsets', options.subsets ?? 100, 1);
  const subsets = isWhole ? 1 : (options.subsets ?? 100);
  requireInteger('subsetSize', subsetSize, 2);
  requireSeed(seed);
  requireSameSource(samples, reference);
  for (const [field, { count }] of Object.entries({ samples, reference })) {
    if (count < subsetSize) {
      throw new TooFewExamplesError(field, subsetSize, count, 'a subset is larger: set subsetSize');
    }
  }
  const random = new NumpyRandomState(seed);
  const values = new Array<number>(subsets);
  let drawn = 0;
  let done = 0;
  const work = async (): Promise<void> => {
    const discrepancy = new Discrepancy(samples.dimension, subsetSize);
    try {
      while (drawn < subsets) {
        const number = drawn++;
        const subset = {
          samples: random.permutation(samples.count).subarray(0, subsetSize),
          reference: random.permutation(reference.count).subarray(0, subsetSize),
        };
        values[number] = await discrepancy.of(samples, reference, subset, signal);
        onProgress?.(++done);
      }
    } finally {
      discrepancy.close();
    }
  };
  const threads = Math.min(availableParallelism(), MOST_THREADS, subsets);
  await allOrFirstFailure(Array.from({ length: threads }, work));
  const mean = values.reduce((sum, value) => sum + value, 0) / subsets;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / subsets);
  return {
    metric: 'kernel-distance',
    value: mean,
    ...(!isWhole && { deviation }),
    subsets: values,
    computedWith: {
      features: { ...samples.source, dimension: samples.dimension },
      samples: samples.count,
      reference: { count: reference.count, sha256: digestOf(reference.values) },
      settings: { subsets, subsetSize, seed, kernel: '(x·y / d + 1)³' },
    },
    warnings: [],
  };
}

/** Waits for all, so that no thread is left at work, and then rejects as the first that did. */
async function allOrFirstFailure(promises: readonly Promise<void>[]): Promise<void> {
  const settled = await Promise.allSettled(promises);
  const failed = settled.find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}

/** Room for one pair of subsets. */
class Discrepancy {
  readonly #dimension: number;
  readonly #size: number;
  readonly #workspace: Workspace;
  readonly #x: Block;
  readonly #y: Block;
  readonly #block: Block;
  readonly #out: Block;

  constructor(dimension: number, size: number) {
    this.#dimension = dimension;
    this.#size = size;
    this.#workspace = new Workspace(2 * size * dimension + ROWS * size + 2);
    this.#x = this.#workspace.take(size * dimension);
    this.#y = this.#workspace.take(size * dimension);
    this.#block = this.#workspace.take(ROWS * size);
    this.#out = this.#workspace.take(2);
  }

  async of(
    samples: FeatureSet,
    reference: FeatureSet,
    subset: Subset,
    signal?: AbortSignal,
  ): Promise<number> {
    gather(samples, subset.samples, this.#x.values);
    gather(reference, subset.reference, this.#y.values);
    const xx = await this.#sums(this.#x, this.#x, signal);
    const yy = await this.#sums(this.#y, this.#y, signal);
    const xy = await this.#sums(this.#x, this.#y, signal);
    const n = this.#size;
    const within = (xx.total - xx.trace + yy.total - yy.trace) / (n * (n - 1));
    return within - (2 * xy.total) / n ** 2;
  }

  close(): void {
    this.#workspace.close();
  }

  async #sums(
    x: Block,
    y: Block,
    signal: AbortSignal | undefined,
  ): Promise<{ total: number; trace: number }> {
    const n = this.#size;
    const args = [n, n, this.#dimension, x.place, y.place, this.#block.place, this.#out.place] as const;
    await this.#workspace.callAside('cubicKernelSums', [...args], signal);
    return { total: this.#out.values[0]!, trace: this.#out.values[1]! };
  }
}

function gather({ values, dimension }: FeatureSet, rows: Uint32Array, out: Float64Array): void {
  for (let i = 0; i < rows.length; i++) {
    out.set(values.subarray(rows[i]! * dimension, (rows[i]! + 1) * dimension), i * dimension);
  }
}
