/** Images themselves as features, averaged down: a distance that needs no network and no download. */
import { elements, InvalidArgumentError, InvalidShapeError, requireInteger } from '@srmcmc/core';
import type { FeatureExtractor } from './extractor.ts';
import { requireImagesOf, UNNAMED } from './feature-set.ts';

export interface PixelOptions {
  /** Of the images: [height, width, channels]. */
  readonly shape: readonly number[];
  /** Cells a side that images are averaged down to, at most. Default: 8. */
  readonly side?: number;
}

const LARGEST_BYTE = 255;

/**
 * Means over a grid of at most side × side cells, from 0 to 1, [rows · columns · channels]. They see colours and coarse
 * shapes, and nothing finer than a cell. A side that does not divide the image's gets cells of two sizes.
 *
 * @throws InvalidShapeError for anything but [height, width, channels].
 */
export function pixelFeatures({ shape, side = 8 }: PixelOptions): FeatureExtractor {
  requireInteger('side', side, 1);
  if (shape.length !== 3 || elements(shape) < 1) {
    throw new InvalidShapeError('shape', ['height', 'width', 'channels'], shape);
  }
  const [height, width, channels] = shape as [number, number, number];
  const [rows, columns] = [Math.min(height, side), Math.min(width, side)];
  const dimension = rows * columns * channels;
  const cells = Int32Array.from({ length: elements(shape) }, (_, i) => {
    const pixel = Math.floor(i / channels);
    const row = Math.floor((Math.floor(pixel / width) * rows) / height);
    return (row * columns + Math.floor(((pixel % width) * columns) / width)) * channels + (i % channels);
  });
  const sizes = new Float64Array(dimension);
  for (const cell of cells) sizes[cell]! += 1;
  return {
    source: { ...UNNAMED, name: `pixels ${rows}×${columns}×${channels}`, resize: 'means over cells' },
    dimension,
    features: async (images) => {
      const n = requireImagesOf(shape, images);
      const out = new Float64Array(n * dimension);
      for (let i = 0; i < images.values.length; i++) {
        const value = images.values[i]!;
        if (!(value >= 0 && value <= LARGEST_BYTE)) {
          throw new InvalidArgumentError('images', `values must lie in 0 to 255, got ${value}`);
        }
        const cell = cells[i % cells.length]!;
        out[Math.floor(i / cells.length) * dimension + cell]! += value / LARGEST_BYTE / sizes[cell]!;
      }
      return out;
    },
  };
}
