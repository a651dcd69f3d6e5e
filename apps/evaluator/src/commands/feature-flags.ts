/** The flags of every command that measures images by features. */
import { INCEPTION_PRECISIONS } from '@srmcmc/metrics';
import { z } from 'zod';
import { FEATURES, INCEPTION_DEFAULTS } from '../features.ts';
import { optionalFile } from '../flags.ts';
import { ERRORS } from '../measuring.ts';
import { folderFlags } from './folder-flags.ts';
import { samplingFlags } from './sampling-flags.ts';

const { size, skipBad } = folderFlags;

export const featureFlags = {
  features: z
    .enum(FEATURES)
    .optional()
    .describe("default: pixels and spectrum, or with weights the network's deepest"),
  weights: z
    .string()
    .optional()
    .describe('of Inception-v3: a file, a folder that has one, or the word download (96 MB, once)'),
  weightsHash: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/, 'must be 64 hexadecimal digits')
    .optional()
    .describe('SHA-256 that the file of weights must have'),
  resize: z
    .enum(['torch-fidelity', 'pytorch-fid'])
    .default(INCEPTION_DEFAULTS.resize)
    .describe('whose way of resizing images for Inception'),
  inceptionPrecision: z
    .enum(INCEPTION_PRECISIONS)
    .default(INCEPTION_DEFAULTS.inceptionPrecision)
    .describe('of Inception; mixed is quicker on the native backend, and moves its FID by less than 0.1 %'),
  size,
  skipBad,
  fresh: z
    .boolean()
    .default(false)
    .describe('compute all features anew, also those that a stopped evaluation left'),
  ...samplingFlags,
};

/** The flags of commands that compare images with a reference. */
export const comparisonFlags = {
  count: z.int().min(2).default(1000).describe('samples, or a random choice of as many data, on either side'),
  ...featureFlags,
  errors: z
    .enum(ERRORS)
    .default('auto')
    .describe('how error bars are made; auto: by the jackknife where that is quick'),
  infinity: z
    .boolean()
    .default(false)
    .describe('extrapolate Fréchet distances to infinitely many samples too'),
  json: optionalFile('the numbers with all that they depend on: to a file, or instead of the table'),
  report: z
    .string()
    .regex(/\.html$/i, 'must end in .html')
    .optional()
    .describe('page to write, with the numbers, pictures and nearest neighbours'),
  training: z
    .string()
    .optional()
    .describe('of the report: data to look for the nearest neighbours in; default: those of the reference'),
};
