import { CanonicalJsonError, type DecodeErrorCode } from "./canonical-json-error.js";
import type { JsonValue } from "./json-value.js";
import { utf8Length } from "./utf8.js";

export interface ParserOptions {
  readonly maxDepth: number;
  readonly bigints: boolean;
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const INTEGER_LIMIT = Number.MAX_SAFE_INTEGER;

/** Parses a well-formed text (no unpaired raw surrogate) by RFC 8259 and cell format, section 1. */
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
      this.#refuse("TRAILING_BYTES", "expected the end of the input after the value");
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
      if (this.#text[start] !== '"') this.#refuse("SYNTAX", "expected a key in double quotes");
      const key = this.#string();
      if (Object.hasOwn(object, key)) {
        this.#refuse("DUPLICATE_KEY", `the key ${JSON.stringify(key)} stands twice`, start);
      }
      if (!this.#skipPast(":")) this.#refuse("SYNTAX", "expected a colon after the key");
      this.#skipSpace();
      setOwn(object, key, this.#value(depth + 1));
    } while (this.#skipPast(","));
    if (!this.#skipPast("}")) this.#refuse("SYNTAX", "expected a comma or the end of the object");
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
    if (!this.#skipPast("]")) this.#refuse("SYNTAX", "expected a comma or the end of the array");
    return array;
  }

  #enter(depth: number): void {
    if (depth >= this.#options.maxDepth) {
      this.#refuse("TOO_DEEP", `expected at most ${this.#options.maxDepth} levels`);
    }
    this.#at += 1;
  }

  #string(): string {
    const start = this.#at;
    let escaped = false;
    let index = start + 1;
    for (; ; index += 1) {
      const unit = this.#text.charCodeAt(index);
      if (unit === 0x22) break;
      if (unit === 0x5c) {
        escaped = true;
        index += 1;
      } else if (unit < 0x20) {
        this.#refuse("SYNTAX", "expected no raw control character in a string", index);
      } else if (Number.isNaN(unit)) {
        this.#refuse("SYNTAX", "expected the end of the string before the end of the input", index);
      }
    }
    this.#at = index + 1;
    if (!escaped) return this.#text.slice(start + 1, index);
    return this.#unescape(start + 1, index);
  }

  #unescape(start: number, end: number): string {
    let result = "";
    let index = start;
    while (index < end) {
      const backslash = this.#text.indexOf("\\", index);
      if (backslash === -1 || backslash >= end) break;
      result += this.#text.slice(index, backslash);
      const kind = this.#text[backslash + 1] as string;
      if (kind === "u") {
        const unit = this.#hex(backslash);
        index = backslash + 6;
        if (unit >= 0xd800 && unit <= 0xdfff) {
          const pair = unit <= 0xdbff && this.#text.startsWith("\\u", index);
          const second = pair ? this.#hex(index) : 0;
          if (second < 0xdc00 || second > 0xdfff) {
            this.#refuse("UNPAIRED_SURROGATE", "expected both halves of the pair", backslash);
          }
          result += String.fromCharCode(unit, second);
          index += 6;
        } else {
          result += String.fromCharCode(unit);
        }
      } else {
        const plain = ESCAPES.get(kind);
        if (plain === undefined) this.#refuse("SYNTAX", "expected a JSON escape", backslash);
        result += plain;
        index = backslash + 2;
      }
    }
    return result + this.#text.slice(index, end);
  }

  #hex(backslash: number): number {
    const digits = this.#text.slice(backslash + 2, backslash + 6);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) {
      this.#refuse("SYNTAX", "expected four hex digits after \\u", backslash);
    }
    return Number.parseInt(digits, 16);
  }

  #number(): number | bigint {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (match === null) this.#refuse("SYNTAX", "expected a value");
    const [literal, fraction, exponent] = match;
    const value = Number(literal);
    if (!Number.isFinite(value) && (fraction ?? exponent) !== undefined) {
      this.#refuse("NUMBER_OVERFLOW", "expected a number that a double can hold");
    }
    if (fraction === undefined && exponent === undefined && Math.abs(value) > INTEGER_LIMIT) {
      if (!this.#options.bigints) {
        this.#refuse("UNSAFE_INTEGER", `expected an integer between -(2^53 - 1) and 2^53 - 1`);
      }
      this.#at += literal.length;
      return BigInt(literal);
    }
    this.#at += literal.length;
    return value;
  }

  #word<Value extends JsonValue>(word: string, value: Value): Value {
    if (!this.#text.startsWith(word, this.#at)) this.#refuse("SYNTAX", "expected a value");
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

  #refuse(code: DecodeErrorCode, expectation: string, at: number = this.#at): never {
    const offset = utf8Length(this.#text, at);
    throw new CanonicalJsonError(code, `${expectation}, at byte ${offset}`, { offset });
  }
}

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

function setOwn(target: Record<string, JsonValue>, key: string, value: JsonValue): void {
  if (key === "__proto__") {
    Object.defineProperty(target, key, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  } else {
    target[key] = value;
  }
}
