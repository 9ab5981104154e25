import { type Codec, refusal } from "./codec.js";

const u64Max = 0xffffffffffffffffn;
const i64Min = -0x8000000000000000n;
const i64Max = 0x7fffffffffffffffn;

/** An unsigned 64-bit integer. */
export const u64: Codec<bigint> = {
  minimumBytes: 1,
  check(value, path) {
    if (typeof value !== "bigint" || value < 0n || value > u64Max) {
      throw refusal(path, "a bigint from 0 to 2^64-1", value);
    }
    return value;
  },
  write: (writer, value) => writer.u64(value),
  read: (reader) => reader.u64(),
};

/** A signed 64-bit integer, in the zigzag order. */
export const i64: Codec<bigint> = {
  minimumBytes: 1,
  check(value, path) {
    if (typeof value !== "bigint" || value < i64Min || value > i64Max) {
      throw refusal(path, "a bigint from -2^63 to 2^63-1", value);
    }
    return value;
  },
  write: (writer, value) => writer.u64(value < 0n ? ~(value << 1n) : value << 1n),
  read(reader) {
    const zigzag = reader.u64();
    return (zigzag & 1n) === 1n ? ~(zigzag >> 1n) : zigzag >> 1n;
  },
};

/** An unsigned 32-bit integer. */
export const u32: Codec<number> = {
  minimumBytes: 1,
  check(value, path) {
    if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
      throw refusal(path, "an integer from 0 to 2^32-1", value);
    }
    return value === 0 ? 0 : value;
  },
  write: (writer, value) => writer.varint(value),
  read: (reader) => reader.u32(),
};

/** A double. Every NaN is the same one. */
export const f64: Codec<number> = {
  minimumBytes: 8,
  check(value, path) {
    if (typeof value !== "number") throw refusal(path, "a number", value);
    return value;
  },
  write: (writer, value) => writer.f64(value),
  read: (reader) => reader.f64(),
};

export const bool: Codec<boolean> = {
  minimumBytes: 1,
  check(value, path) {
    if (typeof value !== "boolean") throw refusal(path, "a boolean", value);
    return value;
  },
  write: (writer, value) => writer.byte(value ? 1 : 0),
  read: (reader) => reader.bool(),
};

/** Text; a lone surrogate, which UTF-8 cannot hold, is refused. */
export const string: Codec<string> = {
  minimumBytes: 1,
  check(value, path) {
    if (typeof value !== "string") throw refusal(path, "a string", value);
    if (!value.isWellFormed()) throw refusal(path, "text without lone surrogates", value);
    return value;
  },
  write: (writer, value) => writer.string(value),
  read: (reader) => reader.string(),
};

/** A byte vector. */
export const bytes: Codec<Uint8Array> = {
  minimumBytes: 1,
  check(value, path) {
    if (!(value instanceof Uint8Array)) throw refusal(path, "a Uint8Array", value);
    return new Uint8Array(value);
  },
  write: (writer, value) => writer.bytes(value),
  read: (reader) => new Uint8Array(reader.bytes()),
};

/** One of the given words, encoded as its position among them. */
export function variant<const Names extends readonly string[]>(
  ...names: Names
): Codec<Names[number]> {
  const positions = new Map<string, number>(names.map((name, position) => [name, position]));
  return {
    minimumBytes: 1,
    check(value, path) {
      if (!positions.has(value)) throw refusal(path, `one of ${names.join(", ")}`, value);
      return value;
    },
    write: (writer, value) => writer.varint(positions.get(value) ?? 0),
    read(reader) {
      const position = reader.u32();
      const name = names[position];
      if (name === undefined) {
        throw reader.failure(`expected a variant below ${names.length}, found ${position}`);
      }
      return name;
    },
  };
}
