import { type JsonNode, JsonObject } from "./json-node.js";
import { jsonNumber } from "./json-number.js";

/** Objects and arrays that may lie in one another (event bus format, sections 2.2 and 7). */
const DEEPEST = 127;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const HEX4 = /[0-9a-fA-F]{4}/y;
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
const LITERALS: ReadonlyMap<string, readonly [string, JsonNode]> = new Map([
  ["t", ["true", true]],
  ["f", ["false", false]],
  ["n", ["null", null]],
]);

/** Why a text is not JSON, in the words of the reference. */
export interface JsonFault {
  readonly reason: string;
  /** UTF-16 index of the character that does not fit; the text's length when it ends too early. */
  readonly offset: number;
}

/**
 * Reads one JSON text into nodes, strictly: nothing but white space around it, at most 127 levels,
 * no number that overflows a double, no lone surrogate.
 */
export function parseJson(text: string): JsonNode | JsonFaultResult {
  const reader = new Reader(text);
  const node = reader.document();
  return node === undefined ? new JsonFaultResult(reader.fault) : node;
}

/** Tells a fault from a node. */
export class JsonFaultResult {
  readonly fault: JsonFault;

  constructor(fault: JsonFault) {
    this.fault = fault;
  }
}

/** Every method returns undefined when the text does not fit; `fault` then says why. */
class Reader {
  fault: JsonFault = { reason: "", offset: 0 };
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): JsonNode | undefined {
    const node = this.#value("EOF while parsing a value");
    if (node === undefined) return undefined;
    this.#space();
    return this.#at === this.#text.length ? node : this.#fail("trailing characters");
  }

  #value(atEnd: string): JsonNode | undefined {
    this.#space();
    const c = this.#text[this.#at];
    if (c === undefined) return this.#fail(atEnd);
    if (c === '"') return this.#string();
    if (c === "{") return this.#nested(() => this.#object());
    if (c === "[") return this.#nested(() => this.#array());
    if (c === "-" || (c >= "0" && c <= "9")) return this.#number();
    const literal = LITERALS.get(c);
    if (literal === undefined) return this.#fail("expected value");
    return this.#literal(literal[0], literal[1]);
  }

  #literal(word: string, value: JsonNode): JsonNode | undefined {
    for (const letter of word) {
      const c = this.#text[this.#at];
      if (c === undefined) return this.#fail("EOF while parsing a value");
      this.#at += 1;
      if (c !== letter) return this.#fail("expected ident", this.#at - 1);
    }
    return value;
  }

  #nested(read: () => JsonNode | undefined): JsonNode | undefined {
    if (this.#depth === DEEPEST) return this.#fail("recursion limit exceeded");
    this.#at += 1;
    this.#depth += 1;
    const node = read();
    this.#depth -= 1;
    return node;
  }

  #object(): JsonNode | undefined {
    const object = new JsonObject();
    this.#space();
    if (this.#take("}")) return object;
    for (;;) {
      this.#space();
      const c = this.#text[this.#at];
      if (c === undefined) return this.#fail("EOF while parsing an object");
      if (c === "}") return this.#fail("trailing comma");
      if (c !== '"') return this.#fail("key must be a string");
      const key = this.#string();
      if (key === undefined) return undefined;
      this.#space();
      if (!this.#take(":")) return this.#missing("expected `:`", "EOF while parsing an object");
      const value = this.#value("EOF while parsing a value");
      if (value === undefined) return undefined;
      object.add(key, value);
      this.#space();
      if (this.#take("}")) return object;
      if (!this.#take(",")) {
        return this.#missing("expected `,` or `}`", "EOF while parsing an object");
      }
    }
  }

  #array(): JsonNode | undefined {
    const items: JsonNode[] = [];
    this.#space();
    if (this.#take("]")) return items;
    for (;;) {
      this.#space();
      if (items.length > 0 && this.#text[this.#at] === "]") return this.#fail("trailing comma");
      const atEnd = items.length > 0 ? "EOF while parsing a value" : "EOF while parsing a list";
      const item = this.#value(atEnd);
      if (item === undefined) return undefined;
      items.push(item);
      this.#space();
      if (this.#take("]")) return items;
      if (!this.#take(",")) return this.#missing("expected `,` or `]`", "EOF while parsing a list");
    }
  }

  #number(): bigint | number | undefined {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    const start = this.#at;
    this.#at += match?.[0].length ?? 1;
    const next = this.#text[this.#at];
    const incomplete = match === null || next === "." || next === "e" || next === "E";
    if (incomplete || (next !== undefined && next >= "0" && next <= "9")) {
      return this.#malformedNumber(start);
    }
    const value = jsonNumber(match[0]);
    return value === undefined ? this.#fail("number out of range", this.#at - 1) : value;
  }

  /** Finds the character at which a number stops being one. */
  #malformedNumber(start: number): undefined {
    const rest = this.#text.slice(start);
    const longest = /^-?(?:0|[1-9][0-9]*)?(?:\.[0-9]*)?(?:[eE][+-]?)?/.exec(rest)?.[0].length ?? 0;
    if (start + longest >= this.#text.length) {
      return this.#fail("EOF while parsing a value", this.#text.length);
    }
    return this.#fail("invalid number", start + longest);
  }

  #string(): string | undefined {
    const text = this.#text;
    let start = this.#at + 1;
    let decoded = "";
    for (let i = start; ; i += 1) {
      const c = text.charCodeAt(i);
      if (c === 0x22) {
        this.#at = i + 1;
        return decoded + text.slice(start, i);
      }
      if (Number.isNaN(c)) return this.#fail("EOF while parsing a string", text.length);
      if (c < 0x20) return this.#fail(CONTROL, i);
      if (c !== 0x5c) continue;
      decoded += text.slice(start, i);
      this.#at = i + 1;
      const character = this.#escape();
      if (character === undefined) return undefined;
      decoded += character;
      start = this.#at;
      i = start - 1;
    }
  }

  #escape(): string | undefined {
    const c = this.#text[this.#at];
    if (c === undefined) return this.#fail("EOF while parsing a string");
    this.#at += 1;
    if (c !== "u") return ESCAPES.get(c) ?? this.#fail("invalid escape", this.#at - 1);
    const high = this.#hex();
    if (high === undefined) return undefined;
    if (high < 0xd800 || high > 0xdfff) return String.fromCharCode(high);
    if (high > 0xdbff) return this.#fail("lone leading surrogate in hex escape", this.#at - 1);
    if (!this.#text.startsWith("\\u", this.#at)) {
      return this.#fail("unexpected end of hex escape", this.#at);
    }
    this.#at += 2;
    const low = this.#hex();
    if (low === undefined) return undefined;
    if (low < 0xdc00 || low > 0xdfff) {
      return this.#fail("lone leading surrogate in hex escape", this.#at - 1);
    }
    return String.fromCharCode(high, low);
  }

  #hex(): number | undefined {
    HEX4.lastIndex = this.#at;
    const digits = HEX4.exec(this.#text)?.[0];
    if (digits === undefined) {
      const isCut = this.#at + 4 > this.#text.length;
      return isCut
        ? this.#fail("EOF while parsing a string", this.#text.length)
        : this.#fail("invalid escape", this.#at + 3);
    }
    this.#at += 4;
    return Number.parseInt(digits, 16);
  }

  #space(): void {
    for (;;) {
      const c = this.#text.charCodeAt(this.#at);
      if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return;
      this.#at += 1;
    }
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #missing(reason: string, atEnd: string): undefined {
    return this.#fail(this.#at < this.#text.length ? reason : atEnd);
  }

  #fail(reason: string, offset: number = this.#at): undefined {
    this.fault = { reason, offset };
    return undefined;
  }
}

const CONTROL = "control character (\\u0000-\\u001F) found while parsing a string";
