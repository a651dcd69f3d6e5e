/** How far samples are from data, measured the same way all along a run and in every run. */
import { elements, type Energy, key } from '@srmcmc/core';
import {
  collectStatistics,
  type ComputedWith,
  type FeatureExtractor,
  type FeatureStatistics,
  frechetDistance,
  pixelFeatures,
  powerSpectrumFeatures,
} from '@srmcmc/metrics';
import type { Config } from './config.ts';
import { drawSamples, toBytes } from './draw-samples.ts';

/** Fréchet distances of what the generator draws to the data: the lower the better. */
export interface Evaluation {
  /** pixels + spectrum. */
  readonly distance: number;
  /** Of the means over 4 × 4 cells, each from 0 to 1: colours and coarse shapes. */
  readonly pixels: number;
  /** Of log₁₀ of the radially averaged power spectra: textures and noise. */
  readonly spectrum: number;
  /** What each was computed with; distances compare where it is equal. */
  readonly computedWith: Readonly<Record<'pixels' | 'spectrum', ComputedWith>>;
}

/** Chains of an evaluation: few, for they take time from learning, and always the same, so that few suffice. */
const CHAINS = 128;
/** Examples of the data, evenly spread over the data set. */
const EXAMPLES = 5000;
/** Decides latents and noise. It is not the run's, so that runs of other seeds compare. */
const CHAINS_KEY = key(0);
/** Cells a side: 48 features of colour images, fewer than there are chains. */
const CELLS = 4;
/** Images whose features are computed between two turns of the event loop. */
const IMAGES_AT_ONCE = 100;

/** The numbers of the examples that samples are compared with. */
export function referenceIndices(size: number): Uint32Array {
  const count = Math.min(size, EXAMPLES);
  return Uint32Array.from({ length: count }, (_, i) => Math.floor((i * size) / count));
}

/**
 * What evaluates an energy: the Fréchet distances of 128 fixed chains to the examples. Samples are clipped and rounded
 * to bytes, as a picture's are. `examples` are images of this shape, one after another.
 */
export async function evaluationOf(
  config: Config,
  shape: readonly number[],
  examples: Uint8Array,
): Promise<(energy: Energy) => Promise<Evaluation>> {
  const extractors = [pixelFeatures({ shape, side: CELLS }), powerSpectrumFeatures({ shape })];
  const statisticsOf = (images: Uint8Array): Promise<FeatureStatistics[]> =>
    Promise.all(extractors.map((extractor) => statistics(extractor, images, shape)));
  const references = await statisticsOf(examples);
  return async (energy) => {
    const samples = await statisticsOf(toBytes(await drawSamples(config, energy, CHAINS_KEY, CHAINS)));
    const [pixels, spectrum] = await Promise.all(
      samples.map((statistics, i) => frechetDistance(statistics, references[i]!)),
    );
    return {
      distance: pixels!.value + spectrum!.value,
      pixels: pixels!.value,
      spectrum: spectrum!.value,
      computedWith: { pixels: pixels!.computedWith, spectrum: spectrum!.computedWith },
    };
  };
}

function statistics(
  extractor: FeatureExtractor,
  images: Uint8Array,
  shape: readonly number[],
): Promise<FeatureStatistics> {
  const size = elements(shape);
  const batches = Array.from({ length: Math.ceil(images.length / size / IMAGES_AT_ONCE) }, (_, i) => {
    const values = images.subarray(i * IMAGES_AT_ONCE * size, (i + 1) * IMAGES_AT_ONCE * size);
    return { values, shape: [values.length / size, ...shape] };
  });
  return collectStatistics(extractor, batches);
}
