/** Writing: state dicts that torch.load opens, also with weights_only=True. */
import { byteLength, type RawTensor } from '@srmcmc/safetensors';
import { PthError } from './errors.ts';
import { PickleWriter } from './pickle-writer.ts';
import { storageClassOf, untypedNameOf } from './torch-types.ts';
import { writeZip } from './zip.ts';

/**
 * The bytes of a .pth file that holds an OrderedDict of these tensors, in this order. Equal content gives equal bytes.
 * Tensors that share the very same memory share their storage in the file, and so again once loaded.
 *
 * @param tensors Names and tensors: a Map, for one that of `stateDict`, or the tensors of `@srmcmc/safetensors`.
 * @throws PthError `INVALID_TENSOR` when a shape and its bytes disagree or a name occurs twice; `UNSUPPORTED` for a
 * dtype that PyTorch lacks (the packed F4 and F6) and for files of 4 GiB and more.
 */
export function serializeStateDict(
  tensors: Iterable<readonly [name: string, tensor: RawTensor]>,
): Uint8Array {
  const storages = new StorageKeys();
  const names = new Set<string>();
  const pickle = new PickleWriter();
  pickle.emptyOrderedDict().mark();
  for (const [name, tensor] of tensors) {
    if (names.has(name)) throw new PthError('INVALID_TENSOR', `two tensors are named '${name}': rename one`);
    if (/\p{Surrogate}/u.test(name)) {
      throw new PthError(
        'INVALID_TENSOR',
        `the name ${JSON.stringify(name)} has an unpaired surrogate: rename it`,
      );
    }
    names.add(name);
    pickle.text(name);
    writeTensor(pickle, name, tensor, storages);
  }
  const program = pickle.setItems().stop();

  const text = new TextEncoder();
  return writeZip([
    ['archive/data.pkl', program],
    ['archive/byteorder', text.encode('little')],
    ...storages.contents.map((content, key) => [`archive/data/${key}`, content] as const),
    ['archive/version', text.encode('3\n')],
  ]);
}

/** As `Tensor.__reduce_ex__` does: a call of _rebuild_tensor_v2, or of v3 for dtypes that have no storage class. */
function writeTensor(pickle: PickleWriter, name: string, tensor: RawTensor, storages: StorageKeys): void {
  const { dtype, shape, data } = tensor;
  const storageClass = storageClassOf.get(dtype);
  const untypedName = untypedNameOf.get(dtype);
  if (storageClass === undefined && untypedName === undefined) {
    throw new PthError(
      'UNSUPPORTED',
      `tensor '${name}' is ${dtype}, which PyTorch cannot load: convert it first`,
    );
  }
  requireSize(name, tensor);
  const count = shape.reduce((product, size) => product * size, 1);

  pickle
    .global('torch._utils', storageClass === undefined ? '_rebuild_tensor_v3' : '_rebuild_tensor_v2')
    .mark();
  pickle.mark().text('storage');
  if (storageClass === undefined) pickle.global('torch.storage', 'UntypedStorage');
  else pickle.global('torch', storageClass);
  pickle.text(String(storages.keyOf(tensor))).text('cpu');
  pickle
    .integer(storageClass === undefined ? data.length : count)
    .tuple()
    .persistentId();
  pickle.integer(0).integers(shape).integers(rowMajorStrides(shape)).false().emptyOrderedDict();
  if (untypedName !== undefined) pickle.global('torch', untypedName);
  pickle.tuple().call();
}

/** Numbers the blocks of memory that tensors lie in. */
class StorageKeys {
  readonly contents: Uint8Array[] = [];
  readonly #keys = new Map<ArrayBufferLike, Map<string, number>>();

  keyOf({ dtype, data }: RawTensor): number {
    let within = this.#keys.get(data.buffer);
    if (!within) this.#keys.set(data.buffer, (within = new Map()));
    const place = `${data.byteOffset} ${data.byteLength} ${dtype}`;
    let key = within.get(place);
    if (key === undefined) {
      key = this.contents.push(data) - 1;
      within.set(place, key);
    }
    return key;
  }
}

function requireSize(name: string, { dtype, shape, data }: RawTensor): void {
  const sound =
    data instanceof Uint8Array &&
    shape.every((size) => Number.isSafeInteger(size) && size >= 0) &&
    shape.reduce((product, size) => product * size, 1) <= data.length &&
    byteLength(dtype, shape) === data.length;
  if (sound) return;
  throw new PthError(
    'INVALID_TENSOR',
    `tensor '${name}', ${dtype} [${shape.join(', ')}], does not match its data of ${data?.length} bytes`,
  );
}

/** PyTorch's strides of a contiguous tensor, in which a dimension of size 0 counts as 1. */
function rowMajorStrides(shape: readonly number[]): number[] {
  const strides: number[] = [];
  let stride = 1;
  for (const size of [...shape].reverse()) {
    strides.unshift(stride);
    stride *= Math.max(size, 1);
  }
  return strides;
}
