/**
 * Reads the pickles that the python version of CIFAR-10 consists of: protocol 2, written by Python 2, with numpy
 * arrays in them; also what Python 3 makes of the same data in protocols 2 to 4. A pickle is a program for a stack machine;
 * this one can build plain values and numpy arrays, and refuses to call anything else.
 *
 * Opcodes: Lib/pickletools.py of CPython.
 */
import { CorruptDataError } from '@srmcmc/core';
import { plain } from './files.ts';

/** A numpy array in C order; `dtype` is numpy's type string without its byte order, as `u1` or `f4`. */
export class NumpyArray {
  shape: number[] = [];
  dtype = '';
  bytes: Uint8Array = new Uint8Array();
}

/**
 * The value a pickle holds: numbers, booleans, null, strings (of either kind, as text in latin-1), arrays for
 * lists and tuples, Map for dictionaries (with text for keys), NumpyArray.
 *
 * @throws CorruptDataError where it is cut short, is no pickle, or wants to call anything but numpy's constructors.
 */
export function readPickle(bytes: Uint8Array, file: string): unknown {
  return new PickleMachine(bytes, file).run();
}

/** What GLOBAL names, and the only names it may name. numpy 2 renamed its module `core`. */
const CALLABLE = new Set([
  'numpy.core.multiarray._reconstruct',
  'numpy._core.multiarray._reconstruct',
  'numpy.ndarray',
  'numpy.dtype',
  '_codecs.encode',
]);

class Global {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

class Dtype {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

const MARK = Symbol('mark');

class PickleMachine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #file: string;
  readonly #stack: unknown[] = [];
  readonly #memo = new Map<number, unknown>();
  #at = 0;

  constructor(bytes: Uint8Array, file: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#file = file;
  }

  run(): unknown {
    for (;;) {
      const opcode = String.fromCharCode(this.#unsigned(1));
      if (opcode === '.') return this.#pop();
      const operation = OPERATIONS[opcode];
      if (operation === undefined) {
        throw this.#corrupt(`opcode 0x${opcode.charCodeAt(0).toString(16)} at byte ${this.#at - 1}`);
      }
      operation(this);
    }
  }

  take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw this.#corrupt('it ends too early');
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  /** A little-endian unsigned integer of `width` bytes. */
  #unsigned(width: 1 | 2 | 4 | 8): number {
    const at = this.#at;
    this.take(width);
    if (width === 1) return this.#view.getUint8(at);
    if (width === 2) return this.#view.getUint16(at, true);
    if (width === 4) return this.#view.getUint32(at, true);
    return Number(this.#view.getBigUint64(at, true));
  }

  unsigned(width: 1 | 2 | 4 | 8): number {
    return this.#unsigned(width);
  }

  signed32(): number {
    return this.#unsigned(4) | 0;
  }

  float64(): number {
    const at = this.#at;
    this.take(8);
    return this.#view.getFloat64(at, false);
  }

  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end === -1) throw this.#corrupt('it ends too early');
    const text = latin1(this.take(end - this.#at));
    this.#at++;
    return text;
  }

  push(value: unknown): void {
    this.#stack.push(value);
  }

  mark(): void {
    this.#stack.push(MARK);
  }

  #pop(): unknown {
    if (this.#stack.length === 0) throw this.#corrupt('its stack runs empty');
    return this.#stack.pop();
  }

  pop(count: number): unknown[] {
    return Array.from({ length: count }, () => this.#pop()).reverse();
  }

  popToMark(): unknown[] {
    const mark = this.#stack.lastIndexOf(MARK);
    if (mark === -1) throw this.#corrupt('a mark is missing');
    const items = this.#stack.splice(mark + 1);
    this.#stack.pop();
    return items;
  }

  remember(slot = this.#memo.size): void {
    this.#memo.set(slot, this.#stack.at(-1));
  }

  recall(slot: number): void {
    if (!this.#memo.has(slot)) throw this.#corrupt(`memo ${slot} is empty`);
    this.#stack.push(this.#memo.get(slot));
  }

  append(items: unknown[]): void {
    const list = this.#stack.at(-1);
    if (!Array.isArray(list)) throw this.#corrupt('it appends to something that is no list');
    // Not a spread: a list may be longer than the call stack is deep.
    for (const item of items) list.push(item);
  }

  setItems(items: unknown[]): void {
    const dictionary = this.#stack.at(-1);
    if (!(dictionary instanceof Map)) throw this.#corrupt('it sets items of something that is no dictionary');
    for (let i = 0; i + 1 < items.length; i += 2) dictionary.set(textOf(items[i]), items[i + 1]);
  }

  global(module: unknown, attribute: unknown): void {
    const name = `${textOf(module)}.${textOf(attribute)}`;
    if (!CALLABLE.has(name)) throw this.#corrupt(`it wants to call ${name}, which is refused`);
    this.push(new Global(name));
  }

  reduce(): void {
    const [callee, args] = this.pop(2);
    if (!(callee instanceof Global) || !Array.isArray(args))
      throw this.#corrupt('it calls what is no function');
    if (callee.name === 'numpy.dtype') this.push(new Dtype(String(textOf(args[0]))));
    else if (callee.name.endsWith('._reconstruct')) this.push(new NumpyArray());
    else if (callee.name === '_codecs.encode')
      this.push(plain(Buffer.from(String(textOf(args[0])), 'latin1')));
    else throw this.#corrupt(`it calls ${callee.name} in a way that is not known`);
  }

  /** numpy's `__setstate__`: (version, shape, dtype, is Fortran order, data). */
  build(): void {
    const state = this.#pop();
    const target = this.#stack.at(-1);
    // A dtype's state says byte order and fields; for single bytes it says nothing, and others are refused later.
    if (target instanceof Dtype) return;
    if (!(target instanceof NumpyArray) || !Array.isArray(state))
      throw this.#corrupt('it sets an unknown state');
    const [, shape, dtype, fortranOrder, data] = state;
    if (!Array.isArray(shape) || !shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
      throw this.#corrupt('an array has no shape');
    }
    if (!(dtype instanceof Dtype) || !(data instanceof Uint8Array))
      throw this.#corrupt('an array has no data');
    const itemBytes = Number(dtype.name.slice(1));
    const expected = (shape as number[]).reduce((product, size) => product * size, itemBytes);
    if (data.length !== expected) throw this.#corrupt(`an array has ${data.length} bytes of ${expected}`);
    const inC = fortranOrder === true ? fromFortranOrder(data, shape as number[], itemBytes) : data;
    if (inC === undefined) throw this.#corrupt('an array of more than two axes is in Fortran order');
    Object.assign(target, { shape, dtype: dtype.name, bytes: inC });
  }

  #corrupt(problem: string): CorruptDataError {
    return new CorruptDataError(`${this.#file} cannot be read as a pickle: ${problem}`);
  }
}

const OPERATIONS: Readonly<Record<string, (machine: PickleMachine) => void>> = {
  '\x80': (m) => void m.take(1), // PROTO
  '\x95': (m) => void m.take(8), // FRAME
  '(': (m) => m.mark(),
  N: (m) => m.push(null),
  '\x88': (m) => m.push(true),
  '\x89': (m) => m.push(false),
  K: (m) => m.push(m.unsigned(1)),
  M: (m) => m.push(m.unsigned(2)),
  J: (m) => m.push(m.signed32()),
  G: (m) => m.push(m.float64()),
  U: (m) => m.push(m.take(m.unsigned(1))), // strings of Python 2, which may be bytes
  T: (m) => m.push(m.take(m.unsigned(4))),
  C: (m) => m.push(m.take(m.unsigned(1))),
  B: (m) => m.push(m.take(m.unsigned(4))),
  '\x8e': (m) => m.push(m.take(m.unsigned(8))),
  '\x8c': (m) => m.push(utf8(m.take(m.unsigned(1)))),
  X: (m) => m.push(utf8(m.take(m.unsigned(4)))),
  ']': (m) => m.push([]),
  ')': (m) => m.push([]),
  '}': (m) => m.push(new Map()),
  t: (m) => m.push(m.popToMark()),
  '\x85': (m) => m.push(m.pop(1)),
  '\x86': (m) => m.push(m.pop(2)),
  '\x87': (m) => m.push(m.pop(3)),
  a: (m) => m.append(m.pop(1)),
  e: (m) => m.append(m.popToMark()),
  s: (m) => m.setItems(m.pop(2)),
  u: (m) => m.setItems(m.popToMark()),
  q: (m) => m.remember(m.unsigned(1)),
  r: (m) => m.remember(m.unsigned(4)),
  '\x94': (m) => m.remember(),
  h: (m) => m.recall(m.unsigned(1)),
  j: (m) => m.recall(m.unsigned(4)),
  c: (m) => m.global(m.line(), m.line()),
  '\x93': (m) => {
    const [module, attribute] = m.pop(2);
    m.global(module, attribute);
  },
  R: (m) => m.reduce(),
  b: (m) => m.build(),
};

function fromFortranOrder(
  data: Uint8Array,
  shape: readonly number[],
  itemBytes: number,
): Uint8Array | undefined {
  if (shape.length < 2) return data;
  if (shape.length > 2) return undefined;
  const [rows = 0, columns = 0] = shape;
  const out = new Uint8Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const from = (column * rows + row) * itemBytes;
      out.set(data.subarray(from, from + itemBytes), (row * columns + column) * itemBytes);
    }
  }
  return out;
}

/** Text of either kind of string; other values as they are. */
function textOf(value: unknown): unknown {
  return value instanceof Uint8Array ? latin1(value) : value;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

function utf8(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
