/**
 * Reads the constants of a frozen TensorFlow graph: the few fields of GraphDef, NodeDef, AttrValue and TensorProto
 * (tensorflow/core/framework/*.proto) that hold them, in protobuf's wire format.
 */
import { CorruptWeightsError } from './errors.ts';

export interface Constant {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/**
 * The float32 constants of a serialized GraphDef, by the names of their nodes. All else in the graph is skipped.
 *
 * @throws CorruptWeightsError where the bytes are no whole GraphDef.
 */
export function graphConstants(bytes: Uint8Array): Map<string, Constant> {
  const constants = new Map<string, Constant>();
  for (const node of fields(bytes)) {
    if (node.number !== GRAPH_NODE || node.bytes === undefined) continue;
    let name = '';
    let isConstant = false;
    let value: Uint8Array | undefined;
    for (const field of fields(node.bytes)) {
      if (field.number === NODE_NAME) name = text(field.bytes);
      else if (field.number === NODE_OP) isConstant = text(field.bytes) === 'Const';
      else if (field.number === NODE_ATTRIBUTE) value = valueAttribute(field.bytes) ?? value;
    }
    const constant = isConstant && value !== undefined ? floatTensor(value, name) : undefined;
    if (constant !== undefined) constants.set(name, constant);
  }
  return constants;
}

const GRAPH_NODE = 1;
const NODE_NAME = 1;
const NODE_OP = 2;
const NODE_ATTRIBUTE = 5;
const MAP_KEY = 1;
const MAP_VALUE = 2;
const ATTRIBUTE_TENSOR = 8;
const TENSOR_DTYPE = 1;
const TENSOR_SHAPE = 2;
const TENSOR_CONTENT = 4;
const TENSOR_FLOATS = 5;
const SHAPE_DIMENSION = 2;
const DIMENSION_SIZE = 1;
const DT_FLOAT = 1;

/** The tensor of an attribute, where it is the attribute 'value'. */
function valueAttribute(entry: Uint8Array | undefined): Uint8Array | undefined {
  let key = '';
  let tensor: Uint8Array | undefined;
  for (const field of fields(entry ?? EMPTY)) {
    if (field.number === MAP_KEY) key = text(field.bytes);
    if (field.number !== MAP_VALUE) continue;
    for (const inner of fields(field.bytes ?? EMPTY))
      if (inner.number === ATTRIBUTE_TENSOR) tensor = inner.bytes;
  }
  return key === 'value' ? tensor : undefined;
}

/** Undefined for tensors of other types. */
function floatTensor(tensor: Uint8Array, name: string): Constant | undefined {
  let dtype = 0;
  const shape: number[] = [];
  let content: Uint8Array = EMPTY;
  const listed: Uint8Array[] = [];
  for (const field of fields(tensor)) {
    if (field.number === TENSOR_DTYPE) dtype = field.value;
    else if (field.number === TENSOR_SHAPE) shape.push(...dimensions(field.bytes ?? EMPTY));
    else if (field.number === TENSOR_CONTENT) content = field.bytes ?? EMPTY;
    else if (field.number === TENSOR_FLOATS) listed.push(field.bytes ?? EMPTY);
  }
  if (dtype !== DT_FLOAT) return undefined;
  const count = shape.reduce((product, size) => product * size, 1);
  const given = floats(content.length > 0 ? [content] : listed);
  if (given.length === count) return { shape, values: given };
  // A list that is shorter than the tensor stands for its last value, repeated.
  if (content.length > 0 || given.length > count || given.length === 0 || count > LARGEST_REPEATED) {
    throw new CorruptWeightsError(
      `constant '${name}' of the graph has ${given.length} values for the shape [${shape.join(', ')}]`,
    );
  }
  const values = new Float32Array(count).fill(given.at(-1)!);
  values.set(given);
  return { shape, values };
}

/** So that a damaged shape is noticed before memory is taken for it. */
const LARGEST_REPEATED = 1 << 24;

function dimensions(shape: Uint8Array): number[] {
  const sizes: number[] = [];
  for (const dimension of fields(shape)) {
    if (dimension.number !== SHAPE_DIMENSION) continue;
    let size = 0;
    for (const field of fields(dimension.bytes ?? EMPTY))
      if (field.number === DIMENSION_SIZE) size = field.value;
    sizes.push(size);
  }
  return sizes;
}

/** A copy, because the bytes are seldom aligned. */
function floats(pieces: readonly Uint8Array[]): Float32Array {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  if (length % 4 !== 0) throw new CorruptWeightsError('the graph has a float32 constant of a broken length');
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const piece of pieces) {
    bytes.set(piece, offset);
    offset += piece.length;
  }
  return new Float32Array(bytes.buffer);
}

interface Field {
  readonly number: number;
  /** Of a varint field; 0 otherwise. */
  readonly value: number;
  /** Of a length-delimited or a 32-bit field. */
  readonly bytes: Uint8Array | undefined;
}

const EMPTY = new Uint8Array();

/** The fields of a message, one after another. */
function* fields(message: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = message[at++];
      if (byte === undefined) throw truncated();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw truncated();
  };
  const take = (length: number): Uint8Array => {
    if (at + length > message.length) throw truncated();
    return message.subarray(at, (at += length));
  };
  while (at < message.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        yield { number, value: varint(), bytes: undefined };
        break;
      case 1:
        take(8);
        break;
      case 2:
        yield { number, value: 0, bytes: take(varint()) };
        break;
      case 5:
        yield { number, value: 0, bytes: take(4) };
        break;
      default:
        throw truncated();
    }
  }
}

function text(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes);
}

function truncated(): CorruptWeightsError {
  return new CorruptWeightsError('the TensorFlow graph is truncated, or is none');
}
