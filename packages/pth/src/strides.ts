/** Strided tensors: the element of index (i, j, ...) is at offset + i strides[0] + j strides[1] + ... */

export interface Layout {
  /** All in elements. */
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  /** The product of the shape. */
  readonly count: number;
}

/** The largest index that a tensor reaches; one before the offset when it is empty. */
export function lastIndex({ offset, shape, strides, count }: Layout): number {
  if (count === 0) return offset - 1;
  return shape.reduce((index, size, d) => index + (size - 1) * strides[d]!, offset);
}

/** Whether the elements lie in row-major order without gaps. */
export function isContiguous({ shape, strides, count }: Layout): boolean {
  if (count === 0) return true;
  let expected = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    if (shape[d] !== 1 && strides[d] !== expected) return false;
    expected *= shape[d]!;
  }
  return true;
}

/** Copies the elements, each of `width` bytes, into row-major order. The tensor must not be empty, nor a scalar. */
export function gather(
  source: Uint8Array,
  width: number,
  { offset, shape, strides, count }: Layout,
): Uint8Array {
  const result = new Uint8Array(count * width);
  const innermost = shape.length - 1;
  const rowLength = shape[innermost]!;
  const rowStride = strides[innermost]!;
  const index = shape.map(() => 0);
  let rowStart = offset;
  for (let to = 0; to < result.length;) {
    if (rowStride === 1) {
      result.set(source.subarray(rowStart * width, (rowStart + rowLength) * width), to);
      to += rowLength * width;
    } else {
      for (let i = 0; i < rowLength; i++) {
        const from = (rowStart + i * rowStride) * width;
        for (let byte = 0; byte < width; byte++) result[to++] = source[from + byte]!;
      }
    }
    for (let d = innermost - 1; d >= 0; d--) {
      rowStart += strides[d]!;
      index[d]!++;
      if (index[d]! < shape[d]!) break;
      rowStart -= shape[d]! * strides[d]!;
      index[d] = 0;
    }
  }
  return result;
}
