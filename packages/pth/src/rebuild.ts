/** The part of PyTorch's unpickling that makes tensors: which Python names are allowed, and what calling them gives. */
import { bitsPerElement, type Dtype } from '@srmcmc/safetensors';
import { PthError } from './errors.ts';
import type { PickleHost } from './pickle.ts';
import { gather, isContiguous, lastIndex, type Layout } from './strides.ts';
import { dtypeOfStorageClass, dtypeOfTorchDtype } from './torch-types.ts';
import { PthGlobal, PthTensor } from './values.ts';

/** A block of elements that tensors are views of. Where a file holds one by itself, it is a tensor of one dimension. */
class Storage extends PthTensor {
  readonly key: string;

  constructor(key: string, dtype: Dtype, length: number) {
    super(dtype, [length], UNFILLED);
    this.key = key;
  }
}

/** The data of tensors until `attach`. */
const UNFILLED = new Uint8Array();

/** Names that are called. Everything else in `ALLOWED` only stands for itself. */
const CALLABLE = [
  'collections.OrderedDict',
  'torch._utils._rebuild_tensor',
  'torch._utils._rebuild_tensor_v2',
  'torch._utils._rebuild_tensor_v3',
  'torch._utils._rebuild_parameter',
  'torch._utils._rebuild_parameter_with_state',
  'torch._tensor._rebuild_from_type_v2',
  'torch.Size',
  'torch.device',
  'builtins.set',
  'builtins.frozenset',
  'builtins.bytes',
  'builtins.bytearray',
  '_codecs.encode',
] as const;
type Callable = (typeof CALLABLE)[number];

const ALLOWED: ReadonlySet<string> = new Set([
  ...CALLABLE,
  ...dtypeOfStorageClass.keys(),
  ...dtypeOfTorchDtype.keys(),
  'torch.Tensor',
  'torch.nn.parameter.Parameter',
]);

/** PyTorch's own limit on the number of dimensions. */
const MAX_RANK = 64;

/**
 * How many bytes may be copied for a file: a few times its size, and some more for small ones. Sound files stay far
 * below; a file made to harm could otherwise name the same bytes again and again.
 */
const copyAllowance = (fileBytes: number): number => 4 * fileBytes + 2 ** 24;
const POINTER_BYTES = 8;

interface View extends Layout {
  readonly storage: Storage;
  readonly tensor: PthTensor;
}

/**
 * Builds tensors while the pickle runs and gives them their bytes afterwards: the older format has the bytes behind
 * the pickle.
 */
export class TensorRebuilder implements PickleHost {
  readonly storages = new Map<string, Storage>();
  readonly #views: View[] = [];
  #allowance: number;

  constructor(fileBytes: number) {
    this.#allowance = copyAllowance(fileBytes);
  }

  resolve(name: string): PthGlobal {
    if (ALLOWED.has(name)) return new PthGlobal(name);
    throw new PthError(
      'FORBIDDEN_GLOBAL',
      `the file uses ${name}, which is not among the names that tensors and plain data need, and nothing else is ` +
        'ever run: load it in Python where you trust it, and save only its state dict',
    );
  }

  call(callee: unknown, args: readonly unknown[]): unknown {
    if (!(callee instanceof PthGlobal)) throw corrupt('it calls what is not a function');
    switch (callee.name as Callable) {
      case 'collections.OrderedDict':
        return orderedDict(this.#copied(args[0] ?? []));
      case 'torch._utils._rebuild_tensor':
      case 'torch._utils._rebuild_tensor_v2':
        return this.#tensor(args, undefined, args[6]);
      case 'torch._utils._rebuild_tensor_v3':
        return this.#tensor(args, args[6], args[7]);
      case 'torch._utils._rebuild_parameter':
      case 'torch._utils._rebuild_parameter_with_state':
        if (!(args[0] instanceof PthTensor)) throw corrupt('it has a parameter that is not a tensor');
        return args[0];
      case 'torch._tensor._rebuild_from_type_v2':
        return this.#subclassed(args);
      case 'torch.Size':
        return integers(this.#copied(args[0]), 'a torch.Size');
      case 'torch.device':
        return device(args);
      case 'builtins.set':
      case 'builtins.frozenset':
        return new Set(list(this.#copied(args[0] ?? []), 'a set'));
      case 'builtins.bytes':
      case 'builtins.bytearray':
      case '_codecs.encode':
        return bytesOf(this.#copied(args[0] ?? ''));
      default:
        throw corrupt(`it calls ${callee.name}`);
    }
  }

  /** An id is ('storage', storage class, key, device, number of elements), and in old files a sixth, None. */
  persistentLoad(id: unknown): Storage {
    const [kind, storageClass, key, , length, viewOf] = list(id, 'the id of a storage');
    const dtype = storageClass instanceof PthGlobal ? dtypeOfStorageClass.get(storageClass.name) : undefined;
    if (kind !== 'storage' || dtype === undefined || typeof key !== 'string') {
      throw corrupt('it refers to something other than a storage');
    }
    if (viewOf !== undefined && viewOf !== null) {
      throw new PthError(
        'UNSUPPORTED',
        'storages that are views of storages are not read: save with a newer PyTorch',
      );
    }
    const size = integer(length, 'the length of a storage');
    const storage = this.storages.get(key) ?? new Storage(key, dtype, size);
    if (storage.dtype !== dtype || storage.shape[0] !== size)
      throw corrupt(`it describes storage ${key} in two ways`);
    this.storages.set(key, storage);
    return storage;
  }

  /** Gives every tensor its bytes: those of its storage where it is contiguous, a copy where it is not. */
  attach(contents: ReadonlyMap<string, Uint8Array>): void {
    for (const storage of this.storages.values()) {
      const content = contents.get(storage.key);
      const size = byteSize(storage);
      if (content?.length !== size) {
        throw new PthError(
          'INVALID_TENSOR',
          `storage ${storage.key} should have ${size} bytes and has ${content?.length ?? 'none'}: get the file again`,
        );
      }
      fill(storage, content);
    }
    for (const { storage, tensor, ...layout } of this.#views) {
      if (isContiguous(layout)) {
        const start = layout.offset * width(tensor.dtype);
        fill(tensor, storage.data.subarray(start, start + layout.count * width(tensor.dtype)));
      } else {
        this.#charge(layout.count * width(tensor.dtype));
        fill(tensor, gather(storage.data, width(tensor.dtype), layout));
      }
    }
  }

  /** Passes on a value that is about to be copied. */
  #copied(value: unknown): unknown {
    if (Array.isArray(value)) this.#charge(value.length * POINTER_BYTES);
    if (typeof value === 'string') this.#charge(value.length);
    return value;
  }

  #charge(bytes: number): void {
    this.#allowance -= bytes;
    if (this.#allowance >= 0) return;
    throw new PthError(
      'TOO_LARGE',
      'the file has broadcast or overlapping tensors, or repeats other values, to several times its own size: save ' +
        'tensors after .clone(memory_format=torch.contiguous_format)',
    );
  }

  #tensor(args: readonly unknown[], torchDtype: unknown, metadata: unknown): PthTensor {
    const [storage] = args;
    if (!(storage instanceof Storage)) throw corrupt('it has a tensor without a storage');
    const dtype = torchDtype === undefined ? storage.dtype : dtypeOf(torchDtype);
    if (dtype === undefined) throw corrupt('it has a tensor without a dtype');
    if (metadata instanceof Map && [...metadata.values()].some(Boolean)) {
      throw new PthError(
        'UNSUPPORTED',
        'the file has a tensor that is conjugated or negated when it is read: save it after .resolve_conj().resolve_neg()',
      );
    }

    const offset = integer(args[1], 'the offset of a tensor');
    const shape = integers(args[2], 'the shape of a tensor');
    const strides = integers(args[3], 'the strides of a tensor');
    const count = shape.reduce((product, size) => product * size, 1);
    const layout: Layout = { offset, shape, strides, count };
    const fits =
      shape.length === strides.length &&
      shape.length <= MAX_RANK &&
      Number.isSafeInteger(count) &&
      (lastIndex(layout) + 1) * width(dtype) <= byteSize(storage);
    if (!fits) {
      throw new PthError(
        'INVALID_TENSOR',
        `a tensor of shape [${shape.slice(0, MAX_RANK).join(', ')}] does not lie within its storage of ` +
          `${byteSize(storage)} bytes: the file is damaged`,
      );
    }
    const tensor = new PthTensor(dtype, shape, UNFILLED);
    this.#views.push({ ...layout, storage, tensor });
    return tensor;
  }

  /** A Tensor or Parameter with Python attributes: arguments are a rebuilding function, the class, its arguments, state. */
  #subclassed(args: readonly unknown[]): unknown {
    const [rebuild, type, inner] = args;
    if (!(rebuild instanceof PthGlobal) || !rebuild.name.startsWith('torch._utils._rebuild_')) {
      throw corrupt('it rebuilds a tensor with what is not a rebuilding function');
    }
    if (!(type instanceof PthGlobal)) throw corrupt('it has a tensor without a class');
    return this.call(rebuild, list(inner, 'the arguments of a tensor'));
  }
}

function width(dtype: Dtype): number {
  return bitsPerElement(dtype) / 8;
}

export function byteSize({ dtype, shape }: PthTensor): number {
  return shape.reduce((product, size) => product * size, 1) * width(dtype);
}

function fill(tensor: PthTensor, data: Uint8Array): void {
  (tensor as { data: Uint8Array }).data = data;
}

function dtypeOf(torchDtype: unknown): Dtype | undefined {
  return torchDtype instanceof PthGlobal ? dtypeOfTorchDtype.get(torchDtype.name) : undefined;
}

/** `cpu` or `cuda:0`, from one or two arguments. */
function device(args: readonly unknown[]): string {
  const [type, index] = args;
  if (typeof type !== 'string') throw corrupt('it has a device without a name');
  return index === undefined || index === null ? type : `${type}:${integer(index, 'the number of a device')}`;
}

function orderedDict(pairs: unknown): Map<unknown, unknown> {
  const dict = new Map<unknown, unknown>();
  for (const pair of list(pairs, 'an OrderedDict')) {
    const [key, value] = list(pair, 'an item of an OrderedDict');
    dict.set(key, value);
  }
  return dict;
}

/** Protocol 2 has no bytes: it has text, a character for each byte. */
function bytesOf(source: unknown): Uint8Array {
  if (source instanceof Uint8Array) return source;
  if (typeof source !== 'string') throw corrupt('it has bytes that are not text');
  return Uint8Array.from(source, (character) => character.charCodeAt(0));
}

function list(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw corrupt(`${what} must be a tuple or list`);
  return value;
}

function integer(value: unknown, what: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0)
    throw corrupt(`${what} must be an integer of at least 0`);
  return value as number;
}

function integers(value: unknown, what: string): number[] {
  return list(value, what).map((entry) => integer(entry, what));
}

function corrupt(problem: string): PthError {
  return new PthError('CORRUPT', `the pickle contradicts itself: ${problem}; get the file again`);
}
