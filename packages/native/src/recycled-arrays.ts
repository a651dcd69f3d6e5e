/** Float32Arrays used again: a large new one costs a zero fill, page faults and work for the garbage collector. */

/** Smaller arrays are cheaper made anew. */
const MIN_LENGTH = 4096;

export class RecycledArrays {
  readonly #free = new Map<number, Float32Array[]>();
  readonly #capacityBytes: number;
  #freeBytes = 0;

  /** Buffers that came from here and are known to nobody but one tensor. */
  readonly #exclusive = new WeakSet<ArrayBufferLike>();

  constructor(capacityBytes: number) {
    this.#capacityBytes = capacityBytes;
  }

  /** An array of `length` elements with arbitrary contents. */
  take(length: number): Float32Array {
    if (length < MIN_LENGTH) return new Float32Array(length);
    const free = this.#free.get(length);
    const recycled = free?.pop();
    if (free && recycled) {
      this.#freeBytes -= recycled.byteLength;
      // Moved to the end: the lengths in use are the last to be dropped.
      this.#free.delete(length);
      if (free.length > 0) this.#free.set(length, free);
      return recycled;
    }
    const fresh = new Float32Array(length);
    this.#exclusive.add(fresh.buffer);
    return fresh;
  }

  /** Somebody else can see this memory from now on, so it must never be given out again. */
  share(values: unknown): void {
    if (ArrayBuffer.isView(values)) this.#exclusive.delete(values.buffer);
  }

  /** Whether it came from here and is known to nobody but one tensor. */
  isExclusive(values: unknown): values is Float32Array {
    return values instanceof Float32Array && this.#exclusive.has(values.buffer);
  }

  /** Takes an array back, unless it is shared or came from elsewhere. */
  give(values: unknown): void {
    if (!this.isExclusive(values)) return;
    if (values.byteLength > this.#capacityBytes) return;
    const free = this.#free.get(values.length);
    if (free) free.push(values);
    else this.#free.set(values.length, [values]);
    this.#freeBytes += values.byteLength;
    this.#dropOldest();
  }

  clear(): void {
    this.#free.clear();
    this.#freeBytes = 0;
  }

  /** Bytes held for later use. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  #dropOldest(): void {
    for (const [length, arrays] of this.#free) {
      while (this.#freeBytes > this.#capacityBytes && arrays.pop()) this.#freeBytes -= length * 4;
      if (this.#freeBytes <= this.#capacityBytes) break;
      this.#free.delete(length);
    }
  }
}
