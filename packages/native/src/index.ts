export {
  currentConvolutionPrecision,
  currentPrecision,
  nativeStatus,
  MOST_THREADS,
  type NativeStatus,
  peakGflops,
  type PeakGflops,
  type Precision,
  setConvolutionPrecision,
  setPrecision,
  setThreads,
} from './addon.ts';
export { BACKEND_NAME, registerNativeBackend } from './register.ts';
