/** Read and write PyTorch's .pth and .pt files without Python, and without running anything in them. */
export { PthError, type PthErrorCode } from './errors.ts';
export { parsePth, type ParsePthOptions } from './parse.ts';
export { serializeStateDict } from './serialize.ts';
export { stateDict } from './state-dict.ts';
export { PthGlobal, PthTensor, type PthValue } from './values.ts';
