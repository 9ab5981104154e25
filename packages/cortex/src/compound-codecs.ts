import { type Codec, refusal } from "./codec.js";
import { CortexError } from "./cortex-error.js";

/** Fields in the order given, each with its own codec. */
export function struct<Shape extends object>(
  fields: {
    readonly [Name in keyof Shape]: Codec<Shape[Name]>;
  },
): Codec<{ readonly [Name in keyof Shape]: Shape[Name] }> {
  const names = Object.keys(fields);
  const codecs = Object.values(fields) as readonly Codec<unknown>[];
  // One literal to copy, so that every value of the struct has the same hidden class from birth.
  const blank = Object.fromEntries(names.map((name) => [name, undefined]));
  return {
    minimumBytes: codecs.reduce((sum, codec) => sum + codec.minimumBytes, 0),
    check(value, path) {
      if (typeof value !== "object" || value === null) throw refusal(path, "an object", value);
      const source = value as Readonly<Record<string, unknown>>;
      const checked: Record<string, unknown> = { ...blank };
      for (let index = 0; index < names.length; index += 1) {
        const name = names[index] as string;
        checked[name] = codecs[index]?.check(source[name], `${path}.${name}`);
      }
      return checked as Shape;
    },
    write(writer, value) {
      const source = value as Readonly<Record<string, unknown>>;
      for (let index = 0; index < names.length; index += 1) {
        codecs[index]?.write(writer, source[names[index] as string]);
      }
    },
    read(reader) {
      const result: Record<string, unknown> = { ...blank };
      for (let index = 0; index < names.length; index += 1) {
        result[names[index] as string] = codecs[index]?.read(reader);
      }
      return result as Shape;
    },
  };
}

/**
 * A vector: the count, then the items.
 * @throws CortexError `INVALID_MODEL` for items without size, of which two bytes could claim billions
 */
export function array<T>(item: Codec<T>): Codec<readonly T[]> {
  if (item.minimumBytes === 0) {
    throw new CortexError("INVALID_MODEL", "expected an array of items that take up bytes");
  }
  return {
    minimumBytes: 1,
    check(value, path) {
      if (!Array.isArray(value)) throw refusal(path, "an array", value);
      return Object.freeze(
        Array.from(value, (entry, index) => item.check(entry, `${path}[${index}]`)),
      );
    },
    write(writer, value) {
      writer.varint(value.length);
      for (const entry of value) item.write(writer, entry);
    },
    read(reader) {
      const count = reader.count();
      const items: T[] = [];
      for (let index = 0; index < count; index += 1) items.push(item.read(reader));
      return Object.freeze(items);
    },
  };
}

/** A value or none. */
export function option<T extends {}>(some: Codec<T>): Codec<T | undefined> {
  return {
    minimumBytes: 1,
    check: (value, path) => (value === undefined ? undefined : some.check(value, path)),
    write(writer, value) {
      writer.byte(value === undefined ? 0 : 1);
      if (value !== undefined) some.write(writer, value);
    },
    read: (reader) => (reader.some() ? some.read(reader) : undefined),
  };
}

/** Keys and values in the order of the map; of a key that comes twice the last value is kept. */
export function map<Key extends bigint | string | number, Value>(
  key: Codec<Key>,
  item: Codec<Value>,
): Codec<ReadonlyMap<Key, Value>> {
  return {
    minimumBytes: 1,
    check(value, path) {
      if (!(value instanceof Map)) throw refusal(path, "a Map", value);
      return new Map(
        Array.from(value, ([name, entry]: [Key, Value]) => [
          key.check(name, `${path} key`),
          item.check(entry, `${path}[${name}]`),
        ]),
      );
    },
    write(writer, value) {
      writer.varint(value.size);
      for (const [name, entry] of value) {
        key.write(writer, name);
        item.write(writer, entry);
      }
    },
    read(reader) {
      const count = reader.count();
      const entries = new Map<Key, Value>();
      for (let index = 0; index < count; index += 1)
        entries.set(key.read(reader), item.read(reader));
      return entries;
    },
  };
}
