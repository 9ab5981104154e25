/** Why {@link encode} or {@link encodePortable} refused a value. */
export type EncodeErrorCode =
  /** `undefined` as the whole value or as an array element, holes included. */
  | "UNDEFINED"
  /** A function as a value. */
  | "FUNCTION"
  /** A symbol, as a value or as a key. */
  | "SYMBOL"
  /** NaN or an infinity. */
  | "NOT_FINITE"
  /** Half of a surrogate pair without the other, in a string or a key. */
  | "UNPAIRED_SURROGATE"
  /** An object that contains itself. */
  | "CYCLE"
  /** An object that is neither an array, nor plain, nor without a prototype. */
  | "NOT_PLAIN"
  /** More than 64 levels of arrays and objects. */
  | "TOO_DEEP"
  /** More than a string can hold. */
  | "TOO_LARGE"
  /** A getter or a proxy trap threw; `cause` is what it threw. */
  | "UNREADABLE"
  /** Portable only: a key with a character outside `[A-Za-z0-9_.:/@+-]`. */
  | "KEY_NOT_PORTABLE"
  /** Portable only: two keys of one object that other encoders sort in another order. */
  | "KEY_ORDER_NOT_PORTABLE"
  /** Portable only: a number that is no integer between -(2^53 - 1) and 2^53 - 1. */
  | "NUMBER_NOT_PORTABLE";

/** Why {@link decode} refused an input. */
export type DecodeErrorCode =
  /** Not what RFC 8259 allows, an input that ends early included. */
  | "SYNTAX"
  /** Something other than white space after the value. */
  | "TRAILING_BYTES"
  | "INVALID_UTF8"
  | "BYTE_ORDER_MARK"
  /** The same key twice in one object, compared after unescaping. */
  | "DUPLICATE_KEY"
  /** Half of a surrogate pair without the other, raw or escaped. */
  | "UNPAIRED_SURROGATE"
  | "TOO_DEEP"
  | "TOO_LARGE"
  /** An integer that a double does not hold exactly. */
  | "UNSAFE_INTEGER"
  /** A number too large for a double. */
  | "NUMBER_OVERFLOW"
  /** With `canonical: true`: bytes that {@link encode} would not have produced. */
  | "NOT_CANONICAL"
  /** Neither a `Uint8Array` nor a string. */
  | "INVALID_INPUT"
  | "INVALID_OPTION";

export type CanonicalJsonErrorCode = EncodeErrorCode | DecodeErrorCode;

interface Whereabouts {
  readonly path?: string;
  readonly offset?: number;
  readonly cause?: unknown;
}

/** The only error this package throws. */
export class CanonicalJsonError extends Error {
  override readonly name = "CanonicalJsonError";
  readonly code: CanonicalJsonErrorCode;
  /** While encoding: where the refused value stands, as an RFC 6901 JSON pointer; "" is the whole. */
  readonly path?: string;
  /** While decoding: the offset in bytes of UTF-8 at which the refused part begins. */
  readonly offset?: number;

  constructor(code: CanonicalJsonErrorCode, message: string, where: Whereabouts = {}) {
    super(message, "cause" in where ? { cause: where.cause } : undefined);
    this.code = code;
    if (where.path !== undefined) this.path = where.path;
    if (where.offset !== undefined) this.offset = where.offset;
  }
}
