import { NetCapabilityError } from "./net-capability-error.js";

// A character class from the space up, without the quote and the backslash: JSON's plain characters.
const STRING = /"[ !#-[\]-\uffff]*"/y;
const ESCAPED_STRING =
  /"[ !#-[\]-\uffff]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[ !#-[\]-\uffff]*)*"/y;
const UNSIGNED = /(?:0|[1-9][0-9]*)(?![.eE0-9])/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const BLANK = /[ \t\n\r]*/y;
const LITERALS = ["true", "false", "null"] as const;
/** 2^64 has 20 digits; a longer run of them is not even turned into a number. */
const U64_DIGITS = 20;

/**
 * Reads JSON (RFC 8259) with the types known beforehand: integers without loss, nothing converted,
 * and no value built for what is passed over. It refuses with a place and never recurses, so no
 * nesting can exhaust the stack.
 */
export class JsonCursor {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Reads `{…}`, giving each key to `member`, which must read the value. */
  object(member: (key: string) => void): void {
    this.#expect("{");
    if (this.#take("}")) return;
    do {
      const key = this.string();
      this.#expect(":");
      member(key);
    } while (this.#take(","));
    this.#expect("}");
  }

  /** Reads `[…]`, calling `item`, which must read one value, for each. */
  array(item: () => void): void {
    this.#expect("[");
    if (this.#take("]")) return;
    do item();
    while (this.#take(","));
    this.#expect("]");
  }

  /** Reads a string that has a UTF-8 form: an escaped lone surrogate is refused. */
  string(): string {
    const plain = this.#match(STRING);
    if (plain !== undefined) return plain.slice(1, -1);
    const text = this.#match(ESCAPED_STRING);
    if (text === undefined) throw this.refusal("a string");
    const value: unknown = JSON.parse(text);
    if (typeof value === "string" && value.isWellFormed()) return value;
    throw this.refusal("a string without lone surrogates");
  }

  /** Reads an integer from 0 to `max`, in digits only. */
  unsigned(max: bigint): bigint {
    const digits = this.#match(UNSIGNED);
    const value = digits === undefined || digits.length > U64_DIGITS ? undefined : BigInt(digits);
    if (value === undefined || value > max) throw this.refusal(`an integer from 0 to ${max}`);
    return value;
  }

  /** Reads `null` if it is next. */
  takeNull(): boolean {
    this.#skipBlank();
    if (!this.#text.startsWith("null", this.#at)) return false;
    this.#at += "null".length;
    return true;
  }

  /** Reads any value and forgets it. */
  skipValue(): void {
    const closers: string[] = [];
    do {
      const closer = this.#skipUpToFirstMember();
      if (closer !== undefined) closers.push(closer);
      else while (closers.length > 0 && !this.#opensNext(closers)) closers.pop();
    } while (closers.length > 0);
  }

  /** Ends the text: nothing but blanks may follow. */
  end(): void {
    this.#skipBlank();
    if (this.#at < this.#text.length) throw this.refusal("the end of the text");
  }

  /** A refusal that names the place. */
  refusal(expected: string): NetCapabilityError {
    const found =
      this.#at >= this.#text.length
        ? "the end of the text"
        : JSON.stringify(this.#text.slice(this.#at, this.#at + 16));
    return new NetCapabilityError(
      "ANNOUNCEMENT",
      `expected ${expected} at character ${this.#at}, found ${found}`,
    );
  }

  /** Passes a whole value, or the start of one up to a first member; then returns what closes it. */
  #skipUpToFirstMember(): "}" | "]" | undefined {
    if (this.#take("{")) {
      if (this.#take("}")) return undefined;
      this.#skipKey();
      return "}";
    }
    if (this.#take("[")) return this.#take("]") ? undefined : "]";
    this.#skipScalar();
    return undefined;
  }

  /** After a value: `true` if another follows in the innermost container, `false` if that closes. */
  #opensNext(closers: readonly string[]): boolean {
    const closer = closers.at(-1) ?? "";
    if (this.#take(",")) {
      if (closer === "}") this.#skipKey();
      return true;
    }
    this.#expect(closer);
    return false;
  }

  #skipKey(): void {
    this.#skipString();
    this.#expect(":");
  }

  #skipString(): void {
    if (this.#match(ESCAPED_STRING) === undefined) throw this.refusal("a string");
  }

  #skipScalar(): void {
    if (this.#text.charAt(this.#at) === '"') {
      this.#skipString();
      return;
    }
    const literal = LITERALS.find((word) => this.#text.startsWith(word, this.#at));
    if (literal !== undefined) this.#at += literal.length;
    else if (this.#match(NUMBER) === undefined) throw this.refusal("a value");
  }

  #expect(character: string): void {
    if (!this.#take(character)) throw this.refusal(JSON.stringify(character));
  }

  #take(character: string): boolean {
    this.#skipBlank();
    if (this.#text.charAt(this.#at) !== character) return false;
    this.#at += 1;
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    this.#skipBlank();
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #skipBlank(): void {
    BLANK.lastIndex = this.#at;
    this.#at += BLANK.exec(this.#text)?.[0].length ?? 0;
  }
}
