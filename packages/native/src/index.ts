export { nativeStatus, type NativeStatus, peakGflops, type PeakGflops, setThreads } from './addon.ts';
export { BACKEND_NAME, registerNativeBackend } from './register.ts';
