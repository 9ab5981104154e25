/** Why {@link encode} or {@link encodePortable} refused a value. */
export type EncodeErrorCode =
  /** `undefined` as the whole value or as an array element, holes included. */
  | "UNDEFINED"
  /** A function as a value. */
  | "FUNCTION"
  /** A symbol as a value. */
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
  /** More arrays and objects than are counted out, or a text longer than a string can be. */
  | "TOO_LARGE"
  /** A getter or a proxy trap threw; `cause` is what it threw. */
  | "UNREADABLE"
  /** Portable only: a key with a character outside `[A-Za-z0-9_.:/@+-]`. */
  | "KEY_NOT_PORTABLE"
  /** Portable only: a key of an object that other encoders put in another place. */
  | "KEY_ORDER_NOT_PORTABLE"
  /** Portable only: a number that is no integer between -(2^53 - 1) and 2^53 - 1. */
  | "NUMBER_NOT_PORTABLE";

/** Why {@link decode} refused an input. */
export type DecodeErrorCode =
  /** Not what RFC 8259 allows, an input that ends early included. */
  | "SYNTAX"
  /** Something other than white space after the value. */
  | "TRAILING_BYTES"
  /** Bytes that are not UTF-8: overlong forms, surrogates, cut sequences, stray bytes. */
  | "INVALID_UTF8"
  /** A byte-order mark before the value. */
  | "BYTE_ORDER_MARK"
  /** The same key twice in one object, compared after unescaping. */
  | "DUPLICATE_KEY"
  /** Half of a surrogate pair without the other, raw or escaped. */
  | "UNPAIRED_SURROGATE"
  /** More levels of arrays and objects than `maxDepth`. */
  | "TOO_DEEP"
  /** More bytes than `maxBytes`. */
  | "TOO_LARGE"
  /** An integer outside -(2^53 - 1) to 2^53 - 1, which a double may not hold exactly. */
  | "UNSAFE_INTEGER"
  /** A number too large for a double. */
  | "NUMBER_OVERFLOW"
  /** With `canonical: true`: bytes that {@link encode} would not have produced. */
  | "NOT_CANONICAL"
  /** An input that is neither a `Uint8Array` nor a string. */
  | "INVALID_INPUT"
  /** An option outside its range. */
  | "INVALID_OPTION";

export type CanonicalJsonErrorCode = EncodeErrorCode | DecodeErrorCode;

interface CanonicalJsonErrorDetails {
  readonly path?: string;
  readonly offset?: number;
  readonly cause?: unknown;
}

/** The only error this package throws. Which of the codes it carries is part of the interface. */
export class CanonicalJsonError extends Error {
  override readonly name = "CanonicalJsonError";
  readonly code: CanonicalJsonErrorCode;
  /** Of encoding: where the refused value stands, as a JSON pointer (RFC 6901); "" is the whole. */
  readonly path?: string;
  /** Of decoding: where the refused part begins, in bytes of UTF-8 from the start of the input. */
  readonly offset?: number;

  constructor(
    code: CanonicalJsonErrorCode,
    message: string,
    details: CanonicalJsonErrorDetails = {},
  ) {
    super(message, "cause" in details ? { cause: details.cause } : undefined);
    this.code = code;
    if (details.path !== undefined) this.path = details.path;
    if (details.offset !== undefined) this.offset = details.offset;
  }
}
