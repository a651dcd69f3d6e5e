/** Kernels whose work goes on on another thread, while the event loop turns. */

import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { Job } from '../addon.ts';
import type { KernelArguments } from './native-kernel.ts';

/**
 * Found by `tf.getKernel` as others are, but it returns a promise. It reads its inputs before it returns; what happens
 * to them later changes nothing.
 */
export type AsyncKernel = (args: KernelArguments) => Promise<TensorInfo[]>;

/** Attributes that every such kernel takes. */
export interface JobOptions {
  /** Aborting it ends the work within a step; the promise then rejects with an error whose code is 'CANCELLED'. */
  readonly signal?: AbortSignal | undefined;
  /** Told the share of the work that is done a few times a second, and 1 at its end. */
  readonly onProgress?: ((fraction: number) => void) | undefined;
}

const PROGRESS_MILLISECONDS = 200;

/** The job's results, once it is done. `total` is what `job.done()` counts up to. */
export async function finish(
  job: Job,
  total: number,
  { signal, onProgress }: JobOptions,
): Promise<Float32Array[]> {
  const cancel = (): void => job.cancel();
  let thrown: { readonly error: unknown } | undefined;
  const tell = (): void => {
    try {
      onProgress?.(Math.min(1, job.done() / total));
    } catch (error) {
      thrown ??= { error };
      cancel();
    }
  };
  const timer = onProgress === undefined ? undefined : setInterval(tell, PROGRESS_MILLISECONDS);
  signal?.addEventListener('abort', cancel);
  if (signal?.aborted) cancel();
  running(job);
  try {
    const results = await job.promise;
    clearInterval(timer);
    tell();
    if (thrown !== undefined) throw thrown.error;
    return results;
  } catch (error) {
    throw thrown === undefined ? error : thrown.error;
  } finally {
    clearInterval(timer);
    signal?.removeEventListener('abort', cancel);
    unfinished.delete(job);
  }
}

const unfinished = new Set<Job>();
let listensForExit = false;

// A process that exits waits for its threads: they should end soon.
function running(job: Job): void {
  unfinished.add(job);
  if (listensForExit) return;
  listensForExit = true;
  process.on('exit', () => {
    for (const { cancel } of unfinished) cancel();
  });
}
