/** The one error this package throws on purpose. */

/** What went wrong; stable across versions. */
export type SafetensorsErrorCode =
  /** The file ends before its header or its tensors do. */
  | 'TRUNCATED'
  /** The file goes on after its last tensor. */
  | 'TRAILING_BYTES'
  /** The header claims, or would need, more than 100 000 000 bytes. */
  | 'HEADER_TOO_LARGE'
  /** The header is not UTF-8. */
  | 'INVALID_UTF8'
  /** The header is not JSON. */
  | 'INVALID_JSON'
  /** A name occurs twice. */
  | 'DUPLICATE_KEY'
  /** The header is JSON, but not of the form the format prescribes. */
  | 'INVALID_HEADER'
  /** A dtype that the format does not define. */
  | 'UNKNOWN_DTYPE'
  /** The byte ranges of the tensors overlap, leave a hole, or run backwards. */
  | 'INVALID_OFFSETS'
  /** A tensor's bytes are not as many as its shape and dtype need. */
  | 'SIZE_MISMATCH'
  /** A shape's size cannot be represented. */
  | 'SIZE_OVERFLOW'
  /** A tensor or a metadata entry handed in for writing cannot be written. */
  | 'INVALID_TENSOR'
  /** The dtype has no conversion to or from 32-bit floats. */
  | 'UNSUPPORTED_DTYPE';

/** A file that breaks the format, or a value that cannot be written in it. Match on `code`. */
export class SafetensorsError extends Error {
  readonly code: SafetensorsErrorCode;

  constructor(code: SafetensorsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SafetensorsError';
    this.code = code;
  }
}
