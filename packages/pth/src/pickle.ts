/**
 * A pickle machine that builds plain data and runs nothing (Python's pickletools.py describes the opcodes). It reads
 * protocols 2 to 5 without their rarities; names of Python classes and functions go through `resolve`, which decides.
 */
import { PthError } from './errors.ts';

/** What the machine asks of its surroundings. */
export interface PickleHost {
  /** The value of a Python name such as `torch.FloatStorage`; throws if it is not allowed. */
  resolve(name: string): unknown;
  /** The result of calling such a value. */
  call(callee: unknown, args: readonly unknown[]): unknown;
  /** The object that the pickle keeps elsewhere under `id`. */
  persistentLoad(id: unknown): unknown;
}

const STOP = 0x2e;

/** In bytes. No number of a checkpoint comes near. */
const LONGEST_INTEGER = 1024;

/** Python 2's names for modules that Python 3 renamed. */
const RENAMED_MODULES: Readonly<Record<string, string>> = { __builtin__: 'builtins' };

/** Runs the pickle at `start` and gives what it builds, and where it ends. */
export function unpickle(bytes: Uint8Array, host: PickleHost, start = 0): { value: unknown; end: number } {
  return new PickleMachine(bytes, host, start).run();
}

class PickleMachine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #host: PickleHost;
  readonly #memo = new Map<number, unknown>();
  readonly #outerStacks: unknown[][] = [];
  #stack: unknown[] = [];
  #position: number;

  constructor(bytes: Uint8Array, host: PickleHost, start: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#host = host;
    this.#position = start;
  }

  run(): { value: unknown; end: number } {
    for (;;) {
      const opcode = this.#byte();
      if (opcode === STOP) return { value: this.#pop(), end: this.#position };
      this.#execute(opcode);
    }
  }

  #execute(opcode: number): void {
    switch (opcode) {
      case 0x80: // PROTO
        if (this.#byte() > 5) throw this.#unsupported('its protocol is newer than 5');
        return;
      case 0x95: // FRAME
        this.#take(8);
        return;

      case 0x28: // MARK
        this.#outerStacks.push(this.#stack);
        this.#stack = [];
        return;
      case 0x30: // POP
        this.#pop();
        return;
      case 0x31: // POP_MARK
        this.#popToMark();
        return;
      case 0x32: // DUP
        this.#push(this.#top());
        return;

      case 0x71: // BINPUT
        this.#memo.set(this.#byte(), this.#top());
        return;
      case 0x72: // LONG_BINPUT
        this.#memo.set(this.#uint32(), this.#top());
        return;
      case 0x94: // MEMOIZE
        this.#memo.set(this.#memo.size, this.#top());
        return;
      case 0x68: // BINGET
        return this.#recall(this.#byte());
      case 0x6a: // LONG_BINGET
        return this.#recall(this.#uint32());

      case 0x4e: // NONE
        return this.#push(null);
      case 0x88: // NEWTRUE
        return this.#push(true);
      case 0x89: // NEWFALSE
        return this.#push(false);
      case 0x4a: // BININT
        return this.#push(this.#uint32() | 0);
      case 0x4b: // BININT1
        return this.#push(this.#byte());
      case 0x4d: // BININT2
        return this.#push(this.#view.getUint16(this.#skip(2), true));
      case 0x8a: // LONG1
        return this.#push(this.#integer(this.#byte()));
      case 0x8b: // LONG4
        return this.#push(this.#integer(this.#uint32()));
      case 0x47: // BINFLOAT
        return this.#push(this.#view.getFloat64(this.#skip(8)));

      case 0x58: // BINUNICODE
        return this.#push(this.#utf8(this.#uint32()));
      case 0x8c: // SHORT_BINUNICODE
        return this.#push(this.#utf8(this.#byte()));
      case 0x8d: // BINUNICODE8
        return this.#push(this.#utf8(this.#uint64()));
      case 0x54: // BINSTRING, of Python 2
        return this.#push(latin1(this.#take(this.#uint32())));
      case 0x55: // SHORT_BINSTRING, of Python 2
        return this.#push(latin1(this.#take(this.#byte())));
      case 0x42: // BINBYTES
        return this.#push(this.#take(this.#uint32()));
      case 0x43: // SHORT_BINBYTES
        return this.#push(this.#take(this.#byte()));
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        return this.#push(this.#take(this.#uint64()));

      case 0x29: // EMPTY_TUPLE
      case 0x5d: // EMPTY_LIST
        return this.#push([]);
      case 0x74: // TUPLE
        return this.#push(this.#popToMark());
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return this.#push(this.#popLast(opcode - 0x84));
      case 0x61: // APPEND
        return this.#append(this.#popLast(1));
      case 0x65: // APPENDS
        return this.#append(this.#popToMark());
      case 0x7d: // EMPTY_DICT
        return this.#push(new Map());
      case 0x73: // SETITEM
        return this.#setItems(this.#popLast(2));
      case 0x75: // SETITEMS
        return this.#setItems(this.#popToMark());
      case 0x8f: // EMPTY_SET
        return this.#push(new Set());
      case 0x90: // ADDITEMS
        return this.#addItems(this.#popToMark());
      case 0x91: // FROZENSET
        return this.#push(new Set(this.#popToMark()));

      case 0x63: // GLOBAL
        return this.#pushGlobal(this.#line(), this.#line());
      case 0x93: // STACK_GLOBAL
        return this.#pushGlobal(...(this.#popLast(2) as [unknown, unknown]));
      case 0x52: // REDUCE
      case 0x81: // NEWOBJ
        return this.#reduce();
      case 0x62: // BUILD
        return this.#build();
      case 0x51: // BINPERSID
        return this.#push(this.#host.persistentLoad(this.#pop()));

      default:
        throw this.#unsupported(`the opcode 0x${opcode.toString(16).padStart(2, '0')}`);
    }
  }

  #push(value: unknown): void {
    this.#stack.push(value);
  }

  #pop(): unknown {
    if (this.#stack.length === 0) throw this.#corrupt('its stack is empty');
    return this.#stack.pop();
  }

  #top(): unknown {
    if (this.#stack.length === 0) throw this.#corrupt('its stack is empty');
    return this.#stack.at(-1);
  }

  #popLast(count: number): unknown[] {
    if (this.#stack.length < count) throw this.#corrupt('its stack is empty');
    return this.#stack.splice(-count);
  }

  #popToMark(): unknown[] {
    const outer = this.#outerStacks.pop();
    if (!outer) throw this.#corrupt('it has no mark');
    const values = this.#stack;
    this.#stack = outer;
    return values;
  }

  #recall(index: number): void {
    if (!this.#memo.has(index)) throw this.#corrupt(`it has no memo ${index}`);
    this.#push(this.#memo.get(index));
  }

  #append(values: readonly unknown[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) throw this.#corrupt('it appends to what is not a list');
    for (const value of values) list.push(value);
  }

  #setItems(keysAndValues: readonly unknown[]): void {
    const dict = this.#top();
    if (!(dict instanceof Map)) throw this.#corrupt('it sets items of what is not a dict');
    if (keysAndValues.length % 2 !== 0) throw this.#corrupt('it sets a key without a value');
    for (let i = 0; i < keysAndValues.length; i += 2) dict.set(keysAndValues[i], keysAndValues[i + 1]);
  }

  #addItems(values: readonly unknown[]): void {
    const set = this.#top();
    if (!(set instanceof Set)) throw this.#corrupt('it adds to what is not a set');
    for (const value of values) set.add(value);
  }

  #pushGlobal(module: unknown, name: unknown): void {
    if (typeof module !== 'string' || typeof name !== 'string')
      throw this.#corrupt('it has a name that is not text');
    this.#push(this.#host.resolve(`${RENAMED_MODULES[module] ?? module}.${name}`));
  }

  #reduce(): void {
    const [callee, args] = this.#popLast(2);
    if (!Array.isArray(args)) throw this.#corrupt('it calls without arguments');
    this.#push(this.#host.call(callee, args));
  }

  /** Sets attributes of an object. An OrderedDict's only ones are a state dict's version numbers, which say nothing here. */
  #build(): void {
    this.#pop();
    if (!(this.#top() instanceof Map)) throw this.#unsupported('it has an object with attributes');
  }

  /** The position of the next `length` bytes, which are passed over. */
  #skip(length: number): number {
    const position = this.#position;
    if (position + length > this.#bytes.length) {
      throw new PthError(
        'TRUNCATED',
        `the pickle ends within a value at byte ${position}: get the file again`,
      );
    }
    this.#position += length;
    return position;
  }

  #take(length: number): Uint8Array {
    const position = this.#skip(length);
    return this.#bytes.subarray(position, position + length);
  }

  #byte(): number {
    return this.#view.getUint8(this.#skip(1));
  }

  #uint32(): number {
    return this.#view.getUint32(this.#skip(4), true);
  }

  #uint64(): number {
    return Number(this.#view.getBigUint64(this.#skip(8), true));
  }

  /** A little-endian integer in two's complement. */
  #integer(length: number): number | bigint {
    if (length > LONGEST_INTEGER) throw this.#unsupported(`an integer of ${length} bytes`);
    const digits = Array.from(this.#take(length), (byte) => byte.toString(16).padStart(2, '0')).reverse();
    const integer = BigInt.asIntN(8 * length, BigInt(`0x0${digits.join('')}`));
    const number = Number(integer);
    return Number.isSafeInteger(number) ? number : integer;
  }

  #utf8(length: number): string {
    const text = this.#take(length);
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(text);
    } catch (cause) {
      throw new PthError('CORRUPT', 'the pickle has text that is not UTF-8: get the file again', { cause });
    }
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#position);
    const line = this.#take((end < 0 ? this.#bytes.length + 1 : end) - this.#position);
    this.#skip(1);
    return latin1(line);
  }

  #corrupt(problem: string): PthError {
    return new PthError('CORRUPT', `the pickle is damaged at byte ${this.#position}: ${problem}`);
  }

  #unsupported(what: string): PthError {
    return new PthError(
      'UNSUPPORTED',
      `the pickle cannot be read, because of ${what} at byte ${this.#position}: save plain state dicts`,
    );
  }
}

function latin1(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
