/** What a file can hold, as JavaScript values. */
import type { Dtype, RawTensor } from '@srmcmc/safetensors';

/**
 * A tensor of a file: dense, little-endian, row-major, whatever the strides it had in PyTorch. Parameters come as
 * tensors too. `data` is a view into the file where the tensor lies contiguous in it, a copy where it does not.
 */
export class PthTensor implements RawTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data: Uint8Array;

  constructor(dtype: Dtype, shape: readonly number[], data: Uint8Array) {
    this.dtype = dtype;
    this.shape = shape;
    this.data = data;
  }
}

/** A Python name that stands for itself, such as `torch.float32`. Inert: it is only ever a name. */
export class PthGlobal {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/**
 * A Python value. None is null; int and float are numbers, ints beyond 2^53 bigints; dict and OrderedDict are Maps in
 * their order; list, tuple and torch.Size are arrays; bytes are Uint8Arrays; torch.device is its string. A list that
 * holds itself stays a cycle.
 */
export type PthValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PthTensor
  | PthGlobal
  | PthValue[]
  | Set<PthValue>
  | Map<PthValue, PthValue>;
