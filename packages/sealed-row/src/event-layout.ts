import { QUOTED_QUINTET_FORM } from "./quintet-text.js";
import { SEAL_COLUMNS, type SealedColumn, type SealedTable } from "./sealed-table.js";

const QUOTE = 0x22;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const BACKSLASH = 0x5c;
const SMALL_N = 0x6e;
const SMALL_U = 0x75;
/** So many digits are exact in a `number`. */
const MOST_DIGITS = 15;
/** What may follow a backslash, and the only spelling of the other control characters. */
const SHORT_ESCAPES: ReadonlySet<number> = new Set([...'"\\bfnrt'].map((c) => c.charCodeAt(0)));
const LONG_ESCAPE = /^00(?:0[0-7bef]|1[0-9a-f])$/;

/**
 * What a value may look like: `text` is looked at character by character; `plain` is compared as a
 * whole later on, or checked to be free of whatever has to be escaped.
 */
type Form = "text" | "plain" | "integer" | "quintet";

interface Slot {
  readonly name: string;
  /** What stands before the value, from the end of the value before. */
  readonly label: string;
  readonly form: Form;
  readonly isOwn: boolean;
}

/** A run of own columns that stand beside one another: the slots of its first and last one. */
interface Run {
  readonly first: number;
  readonly last: number;
  /** From the start of the first value back to its name. */
  readonly nameLength: number;
}

/**
 * Where the values stand in the event of one table, in the one text that `encodeEvent` writes for a
 * row: canonical JSON (cell format, sections 1 and 7). That text needs no parser, and the own columns
 * in it are, piece by piece, the payload that the digest of the row covers.
 */
export class EventLayout {
  /** Of each slot, from the first character of its value to after the last. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly #slots: readonly Slot[];
  readonly #runs: readonly Run[];
  readonly #tail: string;

  constructor(table: SealedTable) {
    const columns: readonly SealedColumn[] = [
      { name: "seq", type: "INTEGER", nullable: false },
      ...table.columns,
      ...SEAL_COLUMNS,
    ];
    this.#slots = columns
      .toSorted((one, other) => (one.name < other.name ? -1 : 1))
      .map((column, index) => ({
        name: column.name,
        label: `${index === 0 ? '{"row":{' : ","}"${column.name}":`,
        form: formOf(table, column),
        isOwn: table.columns.includes(column),
      }));
    this.#runs = runsOf(this.#slots);
    this.#tail = `},"table":"${table.name}"}`;
    this.starts = new Int32Array(this.#slots.length);
    this.ends = new Int32Array(this.#slots.length);
  }

  slotOf(name: string): number {
    return this.#slots.findIndex((slot) => slot.name === name);
  }

  /**
   * Finds every value. `false` for any other text than canonical JSON of such a row: all columns
   * there and no others, in order, each written the one way it may be. What stands in the id and in
   * the columns of the seal is for the caller to compare; nothing in them may be escaped but the
   * quotation marks of the quintet. Numbers of more than 15 digits are left out as well.
   */
  locate(text: string): boolean {
    const { starts, ends } = this;
    let at = 0;
    for (let index = 0; index < this.#slots.length; index += 1) {
      const { label, form } = this.#slots[index] as Slot;
      // `startsWith` looks at one character after the other; this compares words.
      if (text.substring(at, at + label.length) !== label) return false;
      at += label.length;
      starts[index] = at;
      at = valueEnd(text, at, form);
      if (at < 0) return false;
      ends[index] = at;
    }
    return text.substring(at) === this.#tail;
  }

  /** The payload of the row found last: canonical JSON of its own columns. */
  payload(text: string): string {
    let payload = "";
    for (const { first, last, nameLength } of this.#runs) {
      const from = (this.starts[first] as number) - nameLength;
      payload += `${payload === "" ? "{" : ","}${text.substring(from, this.ends[last] as number)}`;
    }
    return `${payload}}`;
  }
}

function formOf(table: SealedTable, column: SealedColumn): Form {
  if (column.type === "INTEGER") return "integer";
  if (column.name === "signature_quintet") return "quintet";
  const isOwn = table.columns.includes(column) && column.name !== table.idColumn;
  return isOwn ? "text" : "plain";
}

function runsOf(slots: readonly Slot[]): readonly Run[] {
  const runs: Run[] = [];
  for (let first = 0; first < slots.length; first += 1) {
    if (slots[first]?.isOwn !== true) continue;
    let last = first;
    while (slots[last + 1]?.isOwn === true) last += 1;
    runs.push({ first, last, nameLength: `"${slots[first]?.name}":`.length });
    first = last;
  }
  return runs;
}

/** After the value that begins there, -1 where none of that form does. */
function valueEnd(text: string, at: number, form: Form): number {
  // What it holds is compared as a whole later on.
  if (form === "quintet") return at + QUOTED_QUINTET_FORM.length;
  const first = text.charCodeAt(at);
  if (first === SMALL_N) return text.startsWith("null", at) ? at + 4 : -1;
  if (form === "integer") return integerEnd(text, at, first);
  if (first !== QUOTE) return -1;
  return form === "text" ? textEnd(text, at + 1) : text.indexOf('"', at + 1) + 1 || -1;
}

function integerEnd(text: string, start: number, first: number): number {
  const digits = first === MINUS ? start + 1 : start;
  let at = digits;
  for (let code = text.charCodeAt(at); code >= ZERO && code <= NINE; code = text.charCodeAt(at)) {
    at += 1;
  }
  const count = at - digits;
  if (count === 0 || count > MOST_DIGITS) return -1;
  // No leading zero, and none with a sign.
  if (text.charCodeAt(digits) === ZERO && at - start > 1) return -1;
  return at;
}

/** After the quotation mark that ends a text whose escapes are those of canonical JSON. */
function textEnd(text: string, start: number): number {
  for (let at = start; ; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    // Also NaN, which is what stands after the end.
    if (!(code >= 0x20)) return -1;
    if (code !== BACKSLASH) continue;
    at += 1;
    const escaped = text.charCodeAt(at);
    if (escaped === SMALL_U) {
      if (!LONG_ESCAPE.test(text.slice(at + 1, at + 5))) return -1;
      at += 4;
    } else if (!SHORT_ESCAPES.has(escaped)) return -1;
  }
}
