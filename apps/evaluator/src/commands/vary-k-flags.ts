/** The flags of `vary-k`, for images and for points. */
import { z } from 'zod';
import { optionalFile } from '../flags.ts';
import { FEWEST_EXAMPLES } from '../reference.ts';
import { MOST_POINTS } from '../toys/densities.ts';
import { comparisonFlags } from './feature-flags.ts';
import { momentsFlags } from './moments.ts';

const picture = (what: string) =>
  z
    .string()
    .regex(/\.(png|svg)$/i, 'must end in .png or .svg')
    .describe(what);
const { features, weights, weightsHash, resize, inceptionPrecision, errors } = comparisonFlags;
const { seed, noiseOff, batch, backend, precision } = comparisonFlags;
const { reference, split, crop, skipBad } = momentsFlags.shape;

export const varyKFlags = z.object({
  out: picture('picture to write, .png or .svg: a row of images, or a density of points, for each K'),
  steps: z
    .string()
    .regex(/^\d+(,\d+)*$/, 'must be numbers of steps with commas between them, such as 5,25,100,200')
    .optional()
    .describe('each K; default: 1/20, 1/4, 1/2, 1, 2 and 5 times that of learning'),
  images: z.int().min(1).optional().describe('in a row of the picture; default: 8'),
  count: z
    .int()
    .min(FEWEST_EXAMPLES)
    .max(MOST_POINTS)
    .optional()
    .describe('chains that the numbers are of, and examples of data; default: 256 images or 20000 points'),
  plot: picture('draw the numbers against K: .png or .svg').optional(),
  json: optionalFile('the numbers with all that they depend on: to a file, or instead of the table'),
  reference,
  split,
  crop,
  skipBad,
  features,
  weights,
  weightsHash,
  resize,
  inceptionPrecision,
  errors,
  seed,
  noiseOff,
  batch,
  backend,
  precision,
});

export type VaryKFlags = z.output<typeof varyKFlags>;
