import { CortexError, reasonOf } from "./cortex-error.js";
import { PostcardReader } from "./postcard-reader.js";
import { PostcardWriter } from "./postcard-writer.js";

/**
 * One type's postcard encoding (CortEX format, section 8). `check` is the way in for a caller's
 * value: it returns the same value in a form that can be kept (arrays and bytes copied), or throws;
 * `write` takes only what `check` returned. `decode(encode(check(x)))` equals `check(x)`.
 */
export interface Codec<T> {
  /** @throws CortexError `INVALID_ARGUMENT`, naming `path`. */
  check(value: T, path: string): T;
  write(writer: PostcardWriter, value: T): void;
  /** @throws CortexError `DECODE`. */
  read(reader: PostcardReader): T;
  /** No value takes less than this many bytes. */
  readonly minimumBytes: number;
}

/** Kept for its buffer, which would otherwise grow from nothing each time. */
let idle: PostcardWriter | undefined;

/** The type that a codec encodes. */
export type Encoded<C> = C extends Codec<infer T> ? T : never;

/** The bytes of a value. @throws CortexError `INVALID_ARGUMENT` for a value not of the type. */
export function encode<T>(codec: Codec<T>, value: T): Uint8Array {
  const checked = codec.check(value, "value");
  const writer = idle ?? new PostcardWriter();
  // A codec that encodes something itself gets a writer of its own.
  idle = undefined;
  try {
    codec.write(writer.begin(), checked);
    return writer.take();
  } finally {
    idle = writer;
  }
}

/** The value of bytes; bytes after it are ignored, as in the format. @throws CortexError `DECODE`. */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array): T {
  try {
    return codec.read(new PostcardReader(bytes));
  } catch (error) {
    if (error instanceof CortexError) throw error;
    throw new CortexError("DECODE", `cannot decode: ${reasonOf(error)}`, { cause: error });
  }
}

/** The refusal of a value that is not of the type a codec encodes. */
export function refusal(path: string, expected: string, found: unknown): CortexError {
  return new CortexError(
    "INVALID_ARGUMENT",
    `${path}: expected ${expected}, found ${describe(found)}`,
  );
}

function describe(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "string") return JSON.stringify(value.slice(0, 80));
  if (typeof value === "number" || typeof value === "boolean" || value == null) {
    return String(value);
  }
  return Array.isArray(value) ? "an array" : `a value of type ${typeof value}`;
}
