import { MAX_CONTAINERS, MAX_ENCODE_DEPTH } from "./encode-limits.js";
import {
  AFTER_OTHER,
  AFTER_TEXT,
  FIRST,
  headOf,
  type KeyList,
  keyListOf,
  type Opening,
} from "./key-list.js";
import { isPolluted } from "./pollution.js";
import { Refusal } from "./refusal.js";
import { bodyOf } from "./string-body.js";

/** How many strings, or UTF-16 units, are assumed to need no escape before that is checked. */
const BATCH_STRINGS = 512;
const BATCH_UNITS = 2 ** 20;

/** How many pieces a text may consist of before they are put together. */
const MIN_PIECES = 2 ** 16;

/** Ends an attempt that assumed too much; one for all, since making an error takes its time. */
const escapeNeeded = /* @__PURE__ */ new Error("a string needs an escape");

/**
 * Writes any value as RFC 8785 text, or refuses it with the path to what cannot be written.
 *
 * Every property is read once, validated, and written from that one reading. Most strings need no
 * escape, and looking at many at once costs a fraction of looking at each; so a first attempt
 * assumes that and checks it by the batch, and a careful one follows where it was wrong.
 *
 * @param portable refuse what other canonical encoders write differently (cell format, section 1)
 * @throws {CanonicalJsonError} with any `EncodeErrorCode`
 */
export function writeText(value: unknown, portable: boolean): string {
  try {
    if (!isPolluted()) {
      try {
        return new TextWriter(portable, false).write(value);
      } catch (error) {
        if (error !== escapeNeeded) throw error;
      }
    }
    return new TextWriter(portable, true).write(value);
  } catch (error) {
    throw error instanceof Refusal ? error.toError() : error;
  }
}

class TextWriter {
  readonly #portable: boolean;
  readonly #careful: boolean;
  #keyList: KeyList | undefined = undefined;
  #containers = 0;
  #pieces = 0;
  #maxPieces = MIN_PIECES;
  #batch: string[] = [];
  #batchUnits = 0;

  constructor(portable: boolean, careful: boolean) {
    this.#portable = portable;
    this.#careful = careful;
  }

  write(value: unknown): string {
    const text = typeof value === "string" ? `"${this.#body(value)}"` : this.#value(value, 0);
    this.#checkBatch();
    return text;
  }

  #value(value: unknown, depth: number): string {
    switch (typeof value) {
      case "number":
        return this.#number(value);
      case "object":
        return value === null ? "null" : this.#container(value, depth);
      case "boolean":
        return value ? "true" : "false";
      case "bigint":
        if (this.#portable && !Number.isSafeInteger(Number(value))) {
          throw new Refusal("NUMBER_NOT_PORTABLE", value);
        }
        return `${value}`;
      case "undefined":
        throw new Refusal("UNDEFINED", value);
      case "function":
        throw new Refusal("FUNCTION", value);
      default:
        throw new Refusal("SYMBOL", value);
    }
  }

  /** RFC 8785, 3.2.2.3: as ECMAScript writes it; negative zero is 0. */
  #number(value: number): string {
    if (value - value !== 0) throw new Refusal("NOT_FINITE", value);
    if (this.#portable && !Number.isSafeInteger(value)) {
      throw new Refusal("NUMBER_NOT_PORTABLE", value);
    }
    return `${value}`;
  }

  #container(value: object, depth: number): string {
    if (depth === MAX_ENCODE_DEPTH) throw new Refusal("TOO_DEEP", value);
    this.#containers += 1;
    if (this.#containers > MAX_CONTAINERS) throw new Refusal("TOO_LARGE", value);
    let prototype: unknown;
    let isArray: boolean;
    try {
      prototype = Object.getPrototypeOf(value);
      isArray = Array.isArray(value);
    } catch (cause) {
      throw new Refusal("UNREADABLE", value, cause);
    }
    if (isArray) {
      if (prototype !== Array.prototype) throw new Refusal("NOT_PLAIN", value);
      return this.#array(value as readonly unknown[], depth + 1);
    }
    if (prototype !== Object.prototype && prototype !== null) throw new Refusal("NOT_PLAIN", value);
    return this.#object(value as Readonly<Record<string, unknown>>, depth + 1);
  }

  #array(array: readonly unknown[], depth: number): string {
    let text = "[";
    // Ends the element before and separates it from the next one.
    let separator = "";
    let index = 0;
    let reading = true;
    try {
      const length = array.length;
      for (; index < length; index += 1) {
        reading = true;
        const value = array[index];
        reading = false;
        if (typeof value === "string") {
          text = `${text}${separator}"${this.#body(value)}`;
          separator = '",';
        } else {
          text = `${text}${separator}${this.#value(value, depth)}`;
          separator = ",";
        }
        if (++this.#pieces > this.#maxPieces) text = this.#joined(text);
      }
    } catch (error) {
      throw enclose(error, reading, array, index);
    }
    return separator === '",' ? `${text}"]` : `${text}]`;
  }

  #object(object: Readonly<Record<string, unknown>>, depth: number): string {
    let text = "";
    let opening: Opening = FIRST;
    let key = "";
    let reading = true;
    try {
      let source = object;
      let list = this.#keyListOf(Object.keys(source));
      if (this.#portable && list.notPortable !== undefined) {
        source = withoutUndefined(object);
        list = this.#keyListOf(Object.keys(source));
        if (list.notPortable !== undefined) {
          reading = false;
          key = list.notPortable.key;
          throw new Refusal(list.notPortable.code, key);
        }
      }
      const { sorted, plain } = list;
      for (let index = 0; index < sorted.length; index += 1) {
        key = sorted[index] as string;
        reading = true;
        const value = source[key];
        reading = false;
        if (value === undefined) continue;
        const isText = typeof value === "string";
        const head = plain
          ? list.head(index, opening, isText)
          : headOf(bodyOf(key), opening, isText);
        text = text + head + (isText ? this.#body(value) : this.#value(value, depth));
        opening = isText ? AFTER_TEXT : AFTER_OTHER;
        if (++this.#pieces > this.#maxPieces) text = this.#joined(text);
      }
    } catch (error) {
      throw enclose(error, reading, object, key);
    }
    if (opening === FIRST) return "{}";
    return opening === AFTER_TEXT ? `${text}"}` : `${text}}`;
  }

  /** Neighbours in an array mostly have the same keys, however many. */
  #keyListOf(keys: readonly string[]): KeyList {
    if (!this.#keyList?.has(keys)) this.#keyList = keyListOf(keys);
    return this.#keyList;
  }

  /**
   * An engine keeps the pieces of a text that grows by concatenation until somebody looks into it,
   * which takes many times the memory of the text. Looking seldom enough keeps the time linear.
   */
  #joined(text: string): string {
    this.#pieces = 0;
    this.#maxPieces = Math.max(MIN_PIECES, text.length >>> 5);
    return Number.isNaN(text.charCodeAt(0)) ? "" : text;
  }

  /** What stands between the quotes. */
  #body(text: string): string {
    if (this.#careful) return bodyOf(text);
    const first = text.charCodeAt(0);
    // JSON within JSON is common in sealed rows, and full of quotes.
    if (first === 0x7b || first === 0x5b || text.length > BATCH_UNITS) return bodyOf(text);
    this.#assumePlain(text);
    return text;
  }

  #assumePlain(text: string): void {
    this.#batch.push(text);
    this.#batchUnits += text.length;
    if (this.#batch.length === BATCH_STRINGS || this.#batchUnits > BATCH_UNITS) this.#checkBatch();
  }

  /**
   * The built-in adds at least one unit for each one that it escapes, unpaired surrogates included;
   * where it adds none but the quotes, commas and brackets, it escaped nothing.
   */
  #checkBatch(): void {
    const count = this.#batch.length;
    if (count === 0) return;
    const plain = this.#batchUnits + 2 * count + (count - 1) + 2;
    if (JSON.stringify(this.#batch).length !== plain) throw escapeNeeded;
    this.#batch = [];
    this.#batchUnits = 0;
  }
}

/** A copy, so that which properties count is decided on what will be written. */
function withoutUndefined(object: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

/** Turns whatever ended the writing of a member into a refusal, and notes where it stands. */
function enclose(
  error: unknown,
  reading: boolean,
  container: object,
  key: string | number,
): unknown {
  if (error instanceof Refusal) return error.within(container, key);
  if (reading) return new Refusal("UNREADABLE", container, error).within(container, key);
  if (error instanceof RangeError && error.message.includes("string length")) {
    return new Refusal("TOO_LARGE", container, error).within(container, key);
  }
  return error;
}
