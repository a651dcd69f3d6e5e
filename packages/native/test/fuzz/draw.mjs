// Random choices of the fuzz, and arrays with a margin around them that no call may touch.

const MARGIN = 16;
const CANARY = 7;

/** Draws from a seed (mulberry32), and remembers the arrays it made. */
export class Draw {
  constructor(seed) {
    this.state = seed >>> 0;
    this.arrays = [];
  }

  uniform() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
  integer(low, high) {
    return low + Math.floor(this.uniform() * (high - low + 1));
  }
  pick(choices) {
    return choices[this.integer(0, choices.length - 1)];
  }
  chance(probability) {
    return this.uniform() < probability;
  }
  word() {
    return Math.floor(this.uniform() * 2 ** 32);
  }

  /** An array inside a larger one, on memory of any kind that an array can have. */
  array(Type, length) {
    const bytes = (length + 2 * MARGIN) * Type.BYTES_PER_ELEMENT;
    const kind = this.uniform();
    const buffer =
      kind < 0.8
        ? new ArrayBuffer(bytes)
        : kind < 0.9
          ? new SharedArrayBuffer(bytes)
          : new ArrayBuffer(bytes, { maxByteLength: 2 * bytes });
    const whole = new Type(buffer).fill(CANARY);
    const array = new Type(buffer, MARGIN * Type.BYTES_PER_ELEMENT, length);
    this.arrays.push({ array, buffer, Type, length });
    return array;
  }
  floats(length, low = -1, high = 1) {
    const array = this.array(Float32Array, length);
    for (let i = 0; i < length; i++) array[i] = low + (high - low) * this.uniform();
    return array;
  }

  /** Whether nothing was written around the arrays that are still whole. */
  marginsIntact() {
    return this.arrays.every(({ buffer, Type, length }) => {
      if (buffer.byteLength !== (length + 2 * MARGIN) * Type.BYTES_PER_ELEMENT) return true;
      const whole = new Type(buffer);
      for (let i = 0; i < MARGIN; i++)
        if (whole[i] !== CANARY || whole[MARGIN + length + i] !== CANARY) return false;
      return true;
    });
  }
}
