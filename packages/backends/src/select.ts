/** Selecting a backend: the best that runs, or the one that was asked for. */

import { BackendUnavailableError, InvalidArgumentError } from '@srmcmc/core';
import { quietly, type Candidate, type Missing, type Precision, precisions } from './candidate.ts';
import { cpu } from './cpu.ts';
import { native, NATIVE } from './native.ts';
import { tfjsNode, tfjsNodeGpu } from './tensorflow.ts';
import { wasm } from './wasm.ts';

/** Best first: the order in which 'auto' tries. */
const candidates = {
  native,
  'tensorflow-gpu': tfjsNodeGpu,
  tensorflow: tfjsNode,
  wasm,
  cpu,
} satisfies Record<string, Candidate>;

export type BackendRequest = 'auto' | keyof typeof candidates;

/** What selectBackend() accepts, for the help text of a `--backend` flag. */
export const backendRequests = ['auto', ...Object.keys(candidates)] as readonly BackendRequest[];

export interface BackendOptions {
  /**
   * Folder with a build of tfjs-node or tfjs-node-gpu (tools/tfjs-node/build.mjs). Default: the environment variable
   * SRMCMC_TFJS_NODE, or else the installed package, or else node_modules/.cache/srmcmc-tfjs-node.
   */
  readonly tfjsNode?: string | undefined;
  /**
   * What the native backend computes short runs and gradients of networks in; 'auto' is bfloat16 where the processor
   * computes it faster, else float32. Everything else is float32.
   */
  readonly precision?: Precision | undefined;
  /** Threads of the native backend, 1 to 256. Default: SRMCMC_THREADS, or else one for each hardware thread. */
  readonly threads?: number | undefined;
}

/** A better backend that was passed over, and why. */
export interface SkippedBackend {
  readonly name: string;
  readonly why: string;
}

export interface BackendChoice {
  /** The backend that is now active, by its tfjs name: `tf.getBackend()`. */
  readonly name: string;
  /** The same for people: `native (float32, AVX2, 2 threads)`. */
  readonly label: string;
  /** The better ones that 'auto' passed over, best first. */
  readonly skipped: readonly SkippedBackend[];
  /** Present where 'auto' fell back to wasm or cpu: what to install. */
  readonly advice?: string;
}

/** As many as the native backend takes. */
const MOST_THREADS = 256;

/**
 * Makes a TensorFlow.js backend the active one and says which, and why not a better one.
 *
 * 'auto' takes the first that runs of: native, tensorflow-gpu, tensorflow, wasm, cpu. Nothing is downloaded.
 *
 * @throws BackendUnavailableError when the backend that was asked for cannot run here; the message says what to install.
 * @throws InvalidArgumentError when `request` is none of `backendRequests`, `threads` is out of range, or for bfloat16
 * without the native backend.
 */
export async function selectBackend(
  request: BackendRequest = 'auto',
  options: BackendOptions = {},
): Promise<BackendChoice> {
  if (!backendRequests.includes(request)) {
    throw new InvalidArgumentError(
      'backend',
      `must be one of ${backendRequests.join(', ')}, got '${request}'`,
    );
  }
  const { precision = 'auto', threads } = options;
  if (!precisions.includes(precision)) {
    throw new InvalidArgumentError(
      'precision',
      `must be one of ${precisions.join(', ')}, got '${precision}'`,
    );
  }
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1 && threads <= MOST_THREADS)) {
    throw new InvalidArgumentError('threads', `must be an integer from 1 to ${MOST_THREADS}, got ${threads}`);
  }
  const choice = await (request === 'auto' ? selectBest(options) : selectNamed(request, options));
  if (precision === 'bfloat16' && choice.name !== NATIVE) {
    throw new InvalidArgumentError(
      'precision',
      `bfloat16 is the native backend's; ${choice.label} computes in float32: choose that or auto`,
    );
  }
  return choice;
}

async function selectNamed(
  request: Exclude<BackendRequest, 'auto'>,
  options: BackendOptions,
): Promise<BackendChoice> {
  const outcome = await quietly(() => candidates[request].start(options));
  if ('why' in outcome)
    throw new BackendUnavailableError(request, `${outcome.why}. To have it: ${outcome.remedy}`);
  return { name: outcome.backend, label: outcome.label, skipped: [] };
}

async function selectBest(options: BackendOptions): Promise<BackendChoice> {
  const skipped: (SkippedBackend & Missing)[] = [];
  for (const candidate of Object.values(candidates)) {
    const outcome = await quietly(() => candidate.start(options));
    if ('why' in outcome) {
      skipped.push({ name: candidate.name, ...outcome });
      continue;
    }
    const choice = {
      name: outcome.backend,
      label: outcome.label,
      skipped: skipped.map(({ name, why }) => ({ name, why })),
    };
    const isFallback = candidate === wasm || candidate === cpu;
    const best = skipped[0];
    return isFallback && best
      ? { ...choice, advice: `this backend is slow. For the fast one, ${best.remedy}` }
      : choice;
  }
  throw new BackendUnavailableError('auto', skipped.map(({ name, why }) => `${name}: ${why}`).join('; '));
}
