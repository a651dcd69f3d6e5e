/** The flags of every command that measures images by features. */
import { z } from 'zod';
import { FEATURES } from '../features.ts';
import { samplingFlags } from './sampling-flags.ts';

export const featureFlags = {
  features: z
    .enum(FEATURES)
    .optional()
    .describe("default: pixels and spectrum, or with weights the network's deepest"),
  weights: z.string().optional().describe('file or folder of the weights of Inception-v3'),
  resize: z
    .enum(['torch-fidelity', 'pytorch-fid'])
    .default('torch-fidelity')
    .describe('whose way of resizing images for Inception'),
  size: z.int().min(2).optional().describe('side that the images of a folder are resized to'),
  ...samplingFlags,
};
