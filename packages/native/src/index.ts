export {
  currentPrecision,
  nativeStatus,
  type NativeStatus,
  peakGflops,
  type PeakGflops,
  type Precision,
  setPrecision,
  setThreads,
} from './addon.ts';
export { BACKEND_NAME, registerNativeBackend } from './register.ts';
