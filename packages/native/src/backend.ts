/** The storage of tensors: that of the cpu backend, with memory used again when a tensor is disposed of. */

import { type backend_util, type DataType, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';

import type { Addon } from './addon.ts';
import { RecycledArrays } from './recycled-arrays.ts';

/** Memory of disposed tensors that is kept for new ones, at most. */
const RECYCLED_BYTES = 1 << 30;

type DataId = TensorInfo['dataId'];

/** A tensor that a kernel is to write, and its memory. */
export interface Output {
  readonly info: TensorInfo;
  readonly values: Float32Array;
}

export class NativeBackend extends MathBackendCPU {
  readonly addon: Addon;
  readonly #arrays = new RecycledArrays(RECYCLED_BYTES);

  constructor(addon: Addon) {
    super();
    this.addon = addon;
    // The cpu backend advises Node users, on its first tensor, to install something faster.
    (this as unknown as { firstUse: boolean }).firstUse = false;
  }

  /** A new float32 tensor and its memory, whose contents are arbitrary until a kernel writes them. */
  output(shape: readonly number[]): Output {
    const values = this.#arrays.take(util.sizeFromShape(shape as number[]));
    const dataId = super.write(values, shape as number[], 'float32');
    return { info: { dataId, shape: shape as number[], dtype: 'float32' }, values };
  }

  /**
   * A tensor that takes the place of another one, which must be disposed of, unread, and of which a kernel makes one
   * successor at most: of its memory, contents included, where no other tensor or array has that.
   */
  successor({ dataId, shape }: TensorInfo): Output {
    const { values } = this.data.get(dataId);
    if (this.refCount(dataId) > 1 || !this.#arrays.isExclusive(values)) return this.output(shape);
    this.incRef(dataId);
    return { info: { dataId, shape, dtype: 'float32' }, values };
  }

  /** The elements of a float32 tensor, not copied. */
  floats(tensor: TensorInfo): Float32Array {
    const { values } = this.data.get(tensor.dataId);
    if (values instanceof Float32Array) return values;
    return Float32Array.from(values as backend_util.TypedArray);
  }

  /** Bytes of disposed tensors that wait to be used again. */
  get recycledBytes(): number {
    return this.#arrays.freeBytes;
  }

  // A tensor made from an existing array (a slice in place, a user's array) has memory that others see.
  override write(values: backend_util.BackendValues, shape: number[], dtype: DataType): DataId {
    this.#arrays.share(values);
    return super.write(values, shape, dtype);
  }

  override move(
    dataId: DataId,
    values: backend_util.BackendValues,
    shape: number[],
    dtype: DataType,
    refCount: number,
  ): void {
    this.#arrays.share(values);
    super.move(dataId, values, shape, dtype, refCount);
  }

  // The reader gets the tensor's own array and may keep it.
  override readSync(dataId: DataId): backend_util.BackendValues {
    const values = super.readSync(dataId);
    this.#arrays.share(values);
    return values;
  }

  override disposeData(dataId: DataId, force = false): boolean {
    const values = this.data.has(dataId) ? this.data.get(dataId).values : undefined;
    const released = super.disposeData(dataId, force);
    if (released && !this.data.has(dataId)) this.#arrays.give(values);
    return released;
  }

  override dispose(): void {
    this.#arrays.clear();
    super.dispose();
  }
}
