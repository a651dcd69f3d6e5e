/** Work that takes its turn with the rest of the program: cancelled by an AbortSignal, telling how far it is. */
import * as tf from '@tensorflow/tfjs-core';
import { CancelledError } from './errors.ts';

export interface AsyncOptions {
  /** Aborting it rejects the promise with a CancelledError. */
  readonly signal?: AbortSignal | undefined;
  /** Told the share of the work that is done, up to 1. */
  readonly onProgress?: ((fraction: number) => void) | undefined;
}

/** Throws CancelledError once the signal is aborted. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new CancelledError({ cause: signal.reason });
}

/** Resolves when the event loop has turned: timers, files and signals had their turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    // Timers wait for a millisecond or more; browsers have nothing else.
    if (typeof setImmediate === 'function') setImmediate(resolve);
    else setTimeout(resolve);
  });
}

/**
 * Runs a kernel of the active backend that returns a promise, and which reads its inputs before it returns. The
 * tensors of the result are the caller's.
 *
 * @throws CancelledError, as a rejection, when the signal ended it.
 */
export async function runKernelAsync(
  kernelName: string,
  inputs: Readonly<Record<string, tf.Tensor>>,
  attributes: object,
  { signal, onProgress }: AsyncOptions = {},
): Promise<tf.Tensor[]> {
  throwIfCancelled(signal);
  const backend = tf.backend();
  const kernel = tf.getKernel(kernelName, tf.getBackend());
  const attrs = { ...attributes, signal, onProgress } as object as tf.NamedAttrMap;
  const call = kernel.kernelFunc({ inputs: { ...inputs }, attrs, backend });
  let infos: tf.TensorInfo[];
  try {
    infos = await (call as unknown as Promise<tf.TensorInfo[]>);
  } catch (error) {
    if ((error as { code?: unknown } | null)?.code === 'CANCELLED') throwIfCancelled(signal);
    throw error;
  }
  return infos.map((info) => tf.engine().makeTensorFromTensorInfo(info, backend));
}
