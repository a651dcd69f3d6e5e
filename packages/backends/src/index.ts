/** Pick the fastest TensorFlow.js backend that this machine can run. */

export { type Precision, precisions } from './candidate.ts';
export { describeBackend } from './describe.ts';
export { hasMatrixInstructions } from './native.ts';
export {
  backendRequests,
  selectBackend,
  type BackendChoice,
  type BackendOptions,
  type BackendRequest,
  type SkippedBackend,
} from './select.ts';
