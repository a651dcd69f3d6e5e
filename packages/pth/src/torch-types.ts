/** PyTorch's names for element types: those of its storage classes and those of its dtypes. */
import type { Dtype } from '@srmcmc/safetensors';

/** Types that have a storage class of their own; tensors of them are rebuilt by `_rebuild_tensor_v2`. */
const STORAGE_CLASSES: readonly (readonly [Dtype, storageClass: string, dtype: string])[] = [
  ['BOOL', 'BoolStorage', 'bool'],
  ['U8', 'ByteStorage', 'uint8'],
  ['I8', 'CharStorage', 'int8'],
  ['I16', 'ShortStorage', 'int16'],
  ['I32', 'IntStorage', 'int32'],
  ['I64', 'LongStorage', 'int64'],
  ['F16', 'HalfStorage', 'float16'],
  ['BF16', 'BFloat16Storage', 'bfloat16'],
  ['F32', 'FloatStorage', 'float32'],
  ['F64', 'DoubleStorage', 'float64'],
  ['C64', 'ComplexFloatStorage', 'complex64'],
];

/** Younger types, kept in untyped storages; tensors of them are rebuilt by `_rebuild_tensor_v3`. */
const UNTYPED: readonly (readonly [Dtype, dtype: string])[] = [
  ['U16', 'uint16'],
  ['U32', 'uint32'],
  ['U64', 'uint64'],
  ['F8_E4M3', 'float8_e4m3fn'],
  ['F8_E5M2', 'float8_e5m2'],
  ['F8_E4M3FNUZ', 'float8_e4m3fnuz'],
  ['F8_E5M2FNUZ', 'float8_e5m2fnuz'],
  ['F8_E8M0', 'float8_e8m0fnu'],
];

const UNTYPED_STORAGE = 'torch.storage.UntypedStorage';

/** From `torch.FloatStorage` to `F32`; an untyped storage is one of bytes. */
export const dtypeOfStorageClass: ReadonlyMap<string, Dtype> = new Map([
  ...STORAGE_CLASSES.map(([dtype, storageClass]): [string, Dtype] => [`torch.${storageClass}`, dtype]),
  [UNTYPED_STORAGE, 'U8'],
]);

/** From `torch.float32` to `F32`. */
export const dtypeOfTorchDtype: ReadonlyMap<string, Dtype> = new Map([
  ...STORAGE_CLASSES.map(([dtype, , name]): [string, Dtype] => [`torch.${name}`, dtype]),
  ...UNTYPED.map(([dtype, name]): [string, Dtype] => [`torch.${name}`, dtype]),
]);

/** From `F32` to `FloatStorage`, for types that have a storage class. */
export const storageClassOf: ReadonlyMap<Dtype, string> = new Map(
  STORAGE_CLASSES.map(([dtype, storageClass]) => [dtype, storageClass]),
);

/** From `F8_E5M2` to `float8_e5m2`, for types that have no storage class. */
export const untypedNameOf: ReadonlyMap<Dtype, string> = new Map(UNTYPED);
