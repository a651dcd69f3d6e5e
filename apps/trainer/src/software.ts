/** Versions of what computes, for checkpoints and reports. */
import { readFileSync } from 'node:fs';
import { version_core as tfjsVersion } from '@tensorflow/tfjs-core';

/** The version of this program, from its package. */
export const trainerVersion = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
).version;

export function softwareVersions(backend: string): Record<string, string> {
  return {
    '@srmcmc/trainer': trainerVersion,
    '@tensorflow/tfjs-core': tfjsVersion,
    node: process.version,
    backend,
  };
}
