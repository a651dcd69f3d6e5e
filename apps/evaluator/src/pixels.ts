/** Between [-1, 1], in which models compute, and bytes, in which pictures are kept. */

const HALF = 127.5;

/** Values in [-1, 1] as bytes, rounded; what lies outside is cut off. */
export function toBytes(values: Float32Array): Uint8Array {
  const clamped = new Uint8ClampedArray(values.length);
  for (let i = 0; i < values.length; i++) clamped[i] = (values[i]! + 1) * HALF;
  return new Uint8Array(clamped.buffer);
}

/** Bytes as values in [-1, 1], as learning sees them; floats stay what they are. */
export function toValues(values: Uint8Array | Float32Array): Float32Array {
  return values instanceof Float32Array ? values : Float32Array.from(values, (byte) => byte / HALF - 1);
}
