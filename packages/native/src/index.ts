export { nativeStatus, setThreads, type NativeStatus } from './addon.ts';
export { BACKEND_NAME, registerNativeBackend } from './register.ts';
