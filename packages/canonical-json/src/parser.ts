import { CanonicalJsonError, type DecodeErrorCode } from "./canonical-json-error.js";
import type { JsonValue } from "./json-value.js";
import { utf8Length } from "./utf8.js";

export interface ParserOptions {
  readonly maxDepth: number;
  /** Return integers outside the safe range as `bigint` instead of refusing them. */
  readonly bigints: boolean;
}

/** RFC 8259, section 6. */
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;

/** RFC 8259, section 7, but for `\u`. */
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["\\", "\\"],
  ["/", "/"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Parses a text by RFC 8259 and refuses what cell format, section 1, adds to it. This is the one
 * that decides; `parseSurveyed` is a shorter way to the same result for inputs that need no care.
 *
 * @param text without unpaired surrogates, other than escaped ones
 */
export function parse(text: string, options: ParserOptions): JsonValue {
  return new Parser(text, options).parse();
}

class Parser {
  readonly #text: string;
  readonly #options: ParserOptions;
  #at = 0;

  constructor(text: string, options: ParserOptions) {
    this.#text = text;
    this.#options = options;
  }

  parse(): JsonValue {
    this.#skipSpace();
    const value = this.#value(0);
    this.#skipSpace();
    if (this.#at < this.#text.length) {
      this.#refuse("TRAILING_BYTES", "the end of the input after the value");
    }
    return value;
  }

  #value(depth: number): JsonValue {
    switch (this.#text[this.#at]) {
      case "{":
        return this.#object(depth);
      case "[":
        return this.#array(depth);
      case '"':
        return this.#string();
      case "t":
        return this.#word("true", true);
      case "f":
        return this.#word("false", false);
      case "n":
        return this.#word("null", null);
      default:
        return this.#number();
    }
  }

  #object(depth: number): JsonValue {
    this.#enter(depth);
    const object: Record<string, JsonValue> = {};
    if (this.#skipPast("}")) return object;
    do {
      this.#skipSpace();
      const start = this.#at;
      if (this.#text[start] !== '"') this.#refuse("SYNTAX", "a key in double quotes");
      const key = this.#string();
      if (Object.hasOwn(object, key)) {
        this.#refuse("DUPLICATE_KEY", "a key that the object does not have yet", start);
      }
      if (!this.#skipPast(":")) this.#refuse("SYNTAX", "a colon after the key");
      this.#skipSpace();
      setOwn(object, key, this.#value(depth + 1));
    } while (this.#skipPast(","));
    if (!this.#skipPast("}")) this.#refuse("SYNTAX", "a comma or the end of the object");
    return object;
  }

  #array(depth: number): JsonValue {
    this.#enter(depth);
    const array: JsonValue[] = [];
    if (this.#skipPast("]")) return array;
    do {
      this.#skipSpace();
      array.push(this.#value(depth + 1));
    } while (this.#skipPast(","));
    if (!this.#skipPast("]")) this.#refuse("SYNTAX", "a comma or the end of the array");
    return array;
  }

  #enter(depth: number): void {
    if (depth >= this.#options.maxDepth) {
      this.#refuse("TOO_DEEP", `at most ${this.#options.maxDepth} levels of arrays and objects`);
    }
    this.#at += 1;
  }

  #string(): string {
    const start = this.#at + 1;
    let escaped = false;
    let index = start;
    for (; ; index += 1) {
      const unit = this.#text.charCodeAt(index);
      if (unit === QUOTE) break;
      if (unit === BACKSLASH) {
        escaped = true;
        index += 1;
      } else if (unit < 0x20) {
        this.#refuse("SYNTAX", "an escape in place of the control character", index);
      } else if (Number.isNaN(unit)) {
        this.#refuse("SYNTAX", "the quote that ends the string", this.#text.length);
      }
    }
    this.#at = index + 1;
    return escaped ? this.#unescape(start, index) : this.#text.slice(start, index);
  }

  #unescape(start: number, end: number): string {
    let result = "";
    let index = start;
    while (index < end) {
      const backslash = this.#text.indexOf("\\", index);
      if (backslash === -1 || backslash >= end) break;
      result += this.#text.slice(index, backslash);
      const plain = ESCAPES.get(this.#text[backslash + 1] as string);
      if (plain !== undefined) {
        result += plain;
        index = backslash + 2;
      } else {
        const units = this.#unicodeEscape(backslash);
        result += units;
        index = backslash + 6 * units.length;
      }
    }
    return result + this.#text.slice(index, end);
  }

  /** `\uXXXX`, or two of them for a pair of surrogates. */
  #unicodeEscape(backslash: number): string {
    const unit = this.#hex(backslash);
    if (unit < 0xd800 || unit > 0xdfff) return String.fromCharCode(unit);
    const followed = this.#text.startsWith("\\u", backslash + 6);
    const second = unit < 0xdc00 && followed ? this.#hex(backslash + 6) : 0;
    if (second < 0xdc00 || second > 0xdfff) {
      this.#refuse("UNPAIRED_SURROGATE", "both halves of a surrogate pair", backslash);
    }
    return String.fromCharCode(unit, second);
  }

  #hex(backslash: number): number {
    if (this.#text[backslash + 1] !== "u") {
      this.#refuse("SYNTAX", 'one of "\\/bfnrtu after a backslash', backslash);
    }
    const digits = this.#text.slice(backslash + 2, backslash + 6);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) {
      this.#refuse("SYNTAX", "four hexadecimal digits after \\u", backslash);
    }
    return Number.parseInt(digits, 16);
  }

  #number(): number | bigint {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (match === null) this.#refuse("SYNTAX", "a value");
    const literal = match[0];
    const isInteger = match[1] === undefined && match[2] === undefined;
    let value: number | bigint = Number(literal);
    if (isInteger && !Number.isSafeInteger(value)) {
      if (!this.#options.bigints) {
        this.#refuse("UNSAFE_INTEGER", "an integer between -(2^53 - 1) and 2^53 - 1");
      }
      value = BigInt(literal);
    } else if (!isInteger && !Number.isFinite(value)) {
      this.#refuse("NUMBER_OVERFLOW", "a number that a double can hold");
    }
    this.#at += literal.length;
    return value;
  }

  #word<Value extends JsonValue>(word: string, value: Value): Value {
    if (!this.#text.startsWith(word, this.#at)) this.#refuse("SYNTAX", "a value");
    this.#at += word.length;
    return value;
  }

  #skipSpace(): void {
    for (; ; this.#at += 1) {
      const unit = this.#text.charCodeAt(this.#at);
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
    }
  }

  #skipPast(character: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #refuse(code: DecodeErrorCode, expected: string, at: number = this.#at): never {
    const offset = utf8Length(this.#text, at);
    const found = at < this.#text.length ? JSON.stringify(excerpt(this.#text, at)) : "the end";
    throw new CanonicalJsonError(code, `expected ${expected}, found ${found} at byte ${offset}`, {
      offset,
    });
  }
}

/** Whole characters, so that the message is well formed as well. */
function excerpt(text: string, at: number): string {
  return [...text.slice(at, at + 24)].slice(0, 12).join("").toWellFormed();
}

/**
 * Adds a property that is the object's own, which assignment does not for `__proto__`, nor for any
 * inherited name where a program has frozen `Object.prototype`.
 */
function setOwn(target: Record<string, JsonValue>, key: string, value: JsonValue): void {
  if (key in target) {
    const own = { value, enumerable: true, writable: true, configurable: true };
    Object.defineProperty(target, key, own);
  } else {
    target[key] = value;
  }
}
