/** Pick the fastest TensorFlow.js backend that this machine can run. */

export { describeBackend } from './describe.ts';
export {
  backendRequests,
  selectBackend,
  type BackendChoice,
  type BackendOptions,
  type BackendRequest,
  type SkippedBackend,
} from './select.ts';
