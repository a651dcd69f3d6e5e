/** The two things that tfjs-core alone leaves out: its gradients, and a clear word when no backend is active. */
import * as tf from '@tensorflow/tfjs-core';
// tfjs-core publishes its gradient registrations only as files that Node cannot import; tfjs-layers, which
// bundles them, is the supported package that registers them. See docs/decisions/001-gradients.md.
import '@tensorflow/tfjs-layers';
import { MissingBackendError } from './errors.ts';

/** Throws MissingBackendError where tfjs has no backend to run on. */
export function requireBackend(): void {
  if (tf.engine().backendNames().length === 0) throw new MissingBackendError();
}
