// What goes wrong with arguments: each mutation changes a list of good ones in place.

const ODD_NUMBERS = [
  NaN,
  Infinity,
  -Infinity,
  -1,
  -0,
  0.5,
  1,
  3,
  255,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  1e300,
];
const ODD_INTEGERS = [
  -(2 ** 31),
  -(2 ** 20) - 1,
  -1,
  0,
  1,
  2,
  3,
  7,
  2 ** 16 + 1,
  2 ** 20 + 1,
  2 ** 30,
  2 ** 31 - 1,
];
const TYPES = [
  Float32Array,
  Float64Array,
  Int32Array,
  Uint8Array,
  Uint8ClampedArray,
  BigInt64Array,
  Int16Array,
];

/** Thrown by what JavaScript may run while arguments are read: nobody's fault. */
export class Thrown extends Error {}

const isArray = (value) => ArrayBuffer.isView(value) && !(value instanceof DataView);

/** Leaves no memory behind an array: detached, or where that cannot be, as short as it gets. */
export function takeAway(draw, array) {
  const { buffer } = array;
  if (buffer instanceof SharedArrayBuffer || buffer.byteLength === 0) return;
  if (buffer.resizable && draw.chance(0.5))
    buffer.resize(Math.min(draw.pick([0, 4, 68]), buffer.maxByteLength));
  else structuredClone(buffer, { transfer: [buffer] });
}

/**
 * Puts in an object that looks like an argument, and that does something to the real ones when it is looked at. The
 * last thing to do to a list: other mutations would look at it.
 */
export function addHostile(draw, args) {
  const act = () => {
    const array = draw.pick(args.filter(isArray));
    if (array && draw.chance(0.7)) takeAway(draw, array);
    if (draw.chance(0.5)) throw new Thrown('looked at');
    return 1;
  };
  const array = args.find(isArray) ?? new Float32Array(4);
  const make = draw.pick([
    () => ({ valueOf: act, toString: act, [Symbol.toPrimitive]: act }),
    () => Object.defineProperty({}, 'length', { get: act }),
    () => new Proxy(array, { get: act, has: act, getOwnPropertyDescriptor: act, getPrototypeOf: act }),
    () => {
      const own = array.slice();
      for (const key of ['length', 'buffer', 'byteOffset', 'byteLength', 'constructor'])
        Object.defineProperty(own, key, { get: act });
      return own;
    },
    () => Object.setPrototypeOf(array.slice(), null),
    () => Object.create(Float32Array.prototype),
  ]);
  args[place(draw, args)] = make();
}

function oddValue(draw) {
  return draw.pick([
    () => undefined,
    () => null,
    () => draw.pick(ODD_NUMBERS),
    () => 'x',
    () => '3',
    () => true,
    () => ({}),
    () => [1, 2, 3],
    () => Symbol('s'),
    () => 5n,
    () => () => 0,
    () => new ArrayBuffer(8),
    () => new SharedArrayBuffer(8),
    () => new DataView(new ArrayBuffer(64)),
    () => new (draw.pick(TYPES))(draw.integer(0, 20)),
    () => new Date(),
    () => Promise.resolve(1),
  ])();
}

const place = (draw, args) => draw.integer(0, Math.max(0, args.length - 1));

/** Calls change(array, index) for one of the arrays among the arguments. */
function onArray(draw, args, change) {
  const places = args.flatMap((value, i) => (isArray(value) ? [i] : []));
  if (places.length > 0) {
    const i = draw.pick(places);
    const changed = change(args[i], i);
    if (changed !== undefined) args[i] = changed;
  }
}

export const mutations = [
  (draw, args) => void (args[place(draw, args)] = oddValue(draw)),
  (draw, args) => void (args.length = draw.integer(0, args.length)),
  (draw, args) => void args.splice(place(draw, args), 0, oddValue(draw)),
  (draw, args) => {
    const [i, j] = [place(draw, args), place(draw, args)];
    [args[i], args[j]] = [args[j], args[i]];
  },
  // A number out of any range.
  (draw, args) => {
    const places = args.flatMap((value, i) => (typeof value === 'number' ? [i] : []));
    if (places.length > 0) args[draw.pick(places)] = draw.pick(ODD_NUMBERS);
  },
  // Sizes that are negative, zero, or multiply to more than there is.
  (draw, args) =>
    onArray(
      draw,
      args.filter((value) => value instanceof Int32Array),
      (array) => {
        for (let count = draw.integer(1, 3); count > 0 && array.length > 0; count--)
          array[draw.integer(0, array.length - 1)] = draw.pick(ODD_INTEGERS);
      },
    ),
  (draw, args) => onArray(draw, args, (array) => takeAway(draw, array)),
  // One element too few or too many, none, or of another kind.
  (draw, args) =>
    onArray(draw, args, (array) => {
      const length = draw.pick([0, Math.max(0, array.length - 1), array.length + 1, 2 * array.length]);
      return new array.constructor(length);
    }),
  (draw, args) => onArray(draw, args, (array) => new (draw.pick(TYPES))(array.length)),
  // Results over inputs, wholly or in part.
  (draw, args) =>
    onArray(draw, args, (array, i) => {
      const others = args.flatMap((value, j) =>
        j !== i && value instanceof array.constructor ? [value] : [],
      );
      if (others.length === 0) return undefined;
      const { buffer, byteOffset, length } = draw.pick(others);
      const wanted = Math.min(array.length, length);
      const first = draw.integer(0, length - wanted);
      return new array.constructor(buffer, byteOffset + first * array.BYTES_PER_ELEMENT, wanted);
    }),
  // As long as its memory, which then shrinks or grows.
  (draw, args) =>
    onArray(draw, args, (array) => {
      const buffer = new ArrayBuffer(array.byteLength, { maxByteLength: 2 * array.byteLength + 8 });
      const tracking = new array.constructor(buffer);
      tracking.set(array);
      buffer.resize(draw.pick([0, array.byteLength, 2 * array.byteLength]));
      return tracking;
    }),
];
