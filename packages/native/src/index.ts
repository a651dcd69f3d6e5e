export {
  currentConvolutionPrecision,
  currentPrecision,
  nativeStatus,
  type NativeStatus,
  peakGflops,
  type PeakGflops,
  type Precision,
  setConvolutionPrecision,
  setPrecision,
  setThreads,
} from './addon.ts';
export { BACKEND_NAME, registerNativeBackend } from './register.ts';
