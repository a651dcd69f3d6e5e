/** Writes the few opcodes of pickle protocol 2 that a state dict needs; each method pushes what it names. */

const PROTOCOL = 2;

export class PickleWriter {
  #bytes = new Uint8Array(1024);
  #length = 0;

  constructor() {
    this.#opcodes(0x80, PROTOCOL); // PROTO
  }

  mark(): this {
    return this.#opcodes(0x28); // MARK
  }

  /** The tuple of everything since the last mark. */
  tuple(): this {
    return this.#opcodes(0x74); // TUPLE
  }

  false(): this {
    return this.#opcodes(0x89); // NEWFALSE
  }

  integer(value: number): this {
    if (value < 2 ** 31) {
      this.#opcodes(0x4a); // BININT
      this.#view(4).setInt32(0, value, true);
    } else {
      this.#opcodes(0x8a, 8); // LONG1
      this.#view(8).setBigInt64(0, BigInt(value), true);
    }
    return this;
  }

  integers(values: readonly number[]): this {
    this.mark();
    for (const value of values) this.integer(value);
    return this.tuple();
  }

  text(text: string): this {
    const encoded = new TextEncoder().encode(text);
    this.#opcodes(0x58); // BINUNICODE
    this.#view(4).setUint32(0, encoded.length, true);
    return this.#raw(encoded);
  }

  global(module: string, name: string): this {
    this.#opcodes(0x63); // GLOBAL
    return this.#raw(new TextEncoder().encode(`${module}\n${name}\n`));
  }

  /** The result of the function and the tuple on the stack. */
  call(): this {
    return this.#opcodes(0x52); // REDUCE
  }

  emptyOrderedDict(): this {
    return this.global('collections', 'OrderedDict').#opcodes(0x29).call(); // EMPTY_TUPLE
  }

  /** What the id on the stack stands for. */
  persistentId(): this {
    return this.#opcodes(0x51); // BINPERSID
  }

  /** Puts the keys and values since the last mark into the dict below it. */
  setItems(): this {
    return this.#opcodes(0x75); // SETITEMS
  }

  /** Ends the pickle and gives it. */
  stop(): Uint8Array {
    this.#opcodes(0x2e); // STOP
    return this.#bytes.slice(0, this.#length);
  }

  #opcodes(...bytes: number[]): this {
    return this.#raw(bytes);
  }

  #raw(bytes: ArrayLike<number>): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** The next `length` bytes, to be written. */
  #view(length: number): DataView {
    this.#reserve(length);
    const view = new DataView(this.#bytes.buffer, this.#length, length);
    this.#length += length;
    return view;
  }

  #reserve(length: number): void {
    if (this.#length + length <= this.#bytes.length) return;
    const longer = new Uint8Array(2 * (this.#length + length));
    longer.set(this.#bytes);
    this.#bytes = longer;
  }
}
