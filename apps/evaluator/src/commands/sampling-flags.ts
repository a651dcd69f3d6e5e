/** The flags of every command that draws samples. */
import { type BackendRequest, backendRequests, precisions } from '@srmcmc/backends';
import { MOST_STEPS } from '@srmcmc/core';
import { z } from 'zod';

export const samplingFlags = {
  steps: z
    .int()
    .min(1)
    .max(MOST_STEPS)
    .optional()
    .describe('K, steps of a chain, at most a million; default: as it was learned with'),
  seed: z.int().min(0).default(0).describe('sample i is a function of this number and i'),
  noiseOff: z.boolean().default(false).describe('no step noise: x = M(z), a function of the start alone'),
  batch: z.int().min(1).optional().describe('chains run together; default: 32 images or 4096 points'),
  backend: z
    .enum(backendRequests as readonly [BackendRequest, ...BackendRequest[]])
    .default('auto')
    .describe('what computes'),
  precision: z
    .enum(precisions)
    .default('auto')
    .describe('of chains on the native backend; auto: bfloat16 where that is faster'),
};
