/** The one error this package throws on purpose. */

/** What went wrong; stable across versions. */
export type PthErrorCode =
  /** The bytes are neither a zip archive of torch.save nor its older format. */
  | 'NOT_A_PTH'
  /** The file ends too early. */
  | 'TRUNCATED'
  /** The archive or the pickle in it contradicts itself. */
  | 'CORRUPT'
  /** A part of the file does not have the checksum that the file gives for it. */
  | 'CRC_MISMATCH'
  /** The pickle names a Python class or function other than those that tensors and plain data need. */
  | 'FORBIDDEN_GLOBAL'
  /** The file is sound but uses something that this package does not read or write. */
  | 'UNSUPPORTED'
  /** A tensor lies outside its storage, or a storage is not as long as it should be. */
  | 'INVALID_TENSOR'
  /** Broadcast or overlapping tensors would take far more memory than the file. */
  | 'TOO_LARGE'
  /** What was asked for is not a mapping from names to tensors. */
  | 'NOT_A_STATE_DICT'
  /** The file has nothing under the path asked for. */
  | 'NO_SUCH_PATH';

/** A file that cannot be read, or a value that cannot be written. Match on `code`. */
export class PthError extends Error {
  readonly code: PthErrorCode;

  constructor(code: PthErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PthError';
    this.code = code;
  }
}
