/** Why a key, or the directory of keys, cannot be used. */
export type KeyStoreErrorCode =
  /** A context that cannot be a file name. */
  | "CONTEXT"
  /** No key of that context, or no directory of keys. */
  | "NOT_FOUND"
  /** There is a key of that context already; it is never overwritten. */
  | "EXISTS"
  /** The directory or the file may be read or replaced by others. */
  | "PERMISSIONS"
  /** The file is not a PKCS#8 PEM of an Ed25519 key. */
  | "FORMAT"
  /** The system refused. */
  | "IO";

/** Thrown by everything in this package; the message names the path and what to do. */
export class KeyStoreError extends Error {
  override readonly name = "KeyStoreError";
  readonly code: KeyStoreErrorCode;

  constructor(code: KeyStoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
