/** Read and write the safetensors format: plain bytes in, plain bytes out, in Node and in browsers. */
export { DTYPES, bitsPerElement, isDtype, type Dtype } from './dtype.ts';
export {
  fromFloat32,
  fromTypedArray,
  toFloat32,
  toTypedArray,
  type ElementArray,
  type FloatDtype,
} from './elements.ts';
export { SafetensorsError, type SafetensorsErrorCode } from './errors.ts';
export { parse, type SafetensorsFile } from './parse.ts';
export { serialize, type SafetensorsContent } from './serialize.ts';
export { byteLength, type RawTensor } from './tensor.ts';
