import { type EventBytes, isDigit, Part, Piece } from "./event-bytes.js";
import { QUOTED_QUINTET_FORM } from "./quintet-text.js";
import { SEAL_COLUMNS, type SealedColumn, type SealedTable } from "./sealed-table.js";

const QUOTE = 0x22;
const MINUS = 0x2d;
const ZERO = 0x30;
const ONE = 0x31;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const SMALL_N = 0x6e;
const SMALL_U = 0x75;
const BEYOND_ASCII = 0x80;
/** So many digits are exact in a `number`. */
const MOST_DIGITS = 15;
/** What may follow a backslash. */
const SHORT_ESCAPES: Uint8Array = tableOf('"\\bfnrt');
/** The last digit of a control character that has no shorter spelling, after `\\u000` and `\\u001`. */
const FIRST_CONTROLS: Uint8Array = tableOf("01234567bef");
const OTHER_CONTROLS: Uint8Array = tableOf("0123456789abcdef");
const NULL = new Piece("null");
const DOUBLE_ZERO = new Piece("00");

/**
 * What a value may look like: `text` is looked at character by character; `plain` holds nothing that
 * has to be escaped, and is compared as a whole later on, as `witness` is, which mostly has the same
 * length as the one before.
 */
type Form = "text" | "plain" | "witness" | "integer" | "quintet";

interface Slot {
  readonly name: string;
  /** What stands before the value, from the end of the value before. */
  readonly label: Piece;
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
  /** Of each slot, from the first byte of its value to after the last. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly #event: EventBytes;
  readonly #payload: Uint8Array;
  readonly #payloadView: DataView;
  readonly #payloadPart: Part;
  readonly #slots: readonly Slot[];
  readonly #runs: readonly Run[];
  readonly #tail: Piece;
  #witnessLength = 0;
  #isAscii = true;

  constructor(table: SealedTable, event: EventBytes) {
    const columns: readonly SealedColumn[] = [
      { name: "seq", type: "INTEGER", nullable: false },
      ...table.columns,
      ...SEAL_COLUMNS,
    ];
    this.#event = event;
    this.#payload = new Uint8Array(event.bytes.length);
    this.#payloadView = new DataView(this.#payload.buffer);
    this.#payloadPart = new Part(this.#payload);
    this.#slots = columns
      .toSorted((one, other) => (one.name < other.name ? -1 : 1))
      .map((column, index) => ({
        name: column.name,
        label: new Piece(`${index === 0 ? '{"row":{' : ","}"${column.name}":`),
        form: formOf(table, column),
        isOwn: table.columns.includes(column),
      }));
    this.#runs = runsOf(this.#slots);
    this.#tail = new Piece(`},"table":"${table.name}"}`);
    this.starts = new Int32Array(this.#slots.length);
    this.ends = new Int32Array(this.#slots.length);
  }

  slotOf(name: string): number {
    return this.#slots.findIndex((slot) => slot.name === name);
  }

  /** Whether the event found last has nothing beyond ASCII; otherwise it may be no UTF-8. */
  get isAscii(): boolean {
    return this.#isAscii;
  }

  /**
   * Finds every value of the event that was loaded. `false` for any other bytes than canonical JSON
   * of such a row: all columns there and no others, in order, each written the one way it may be.
   * What stands in the id and in the columns of the seal is for the caller to compare; nothing in
   * them may be escaped but the quotation marks of the quintet. Numbers of more than 15 digits are
   * left out as well.
   */
  locate(): boolean {
    const { starts, ends } = this;
    const { view, length } = this.#event;
    this.#isAscii = true;
    let at = 0;
    for (let index = 0; index < this.#slots.length; index += 1) {
      const { label, form } = this.#slots[index] as Slot;
      if (!label.isAt(view, at)) return false;
      at += label.length;
      starts[index] = at;
      at = this.#valueEnd(at, form);
      if (at < 0 || at > length) return false;
      ends[index] = at;
    }
    return at + this.#tail.length === length && this.#tail.isAt(view, at);
  }

  /** The payload of the row found last: canonical JSON of its own columns. Good until the next. */
  payload(): Uint8Array {
    const { view } = this.#event;
    const payload = this.#payloadView;
    let to = 0;
    for (const { first, last, nameLength } of this.#runs) {
      const from = (this.starts[first] as number) - nameLength;
      const length = (this.ends[last] as number) - from;
      this.#payload[to] = to === 0 ? OPEN : COMMA;
      to += 1;
      // What the last word has too much is written over.
      for (let index = 0; index < length; index += 4) {
        payload.setInt32(to + index, view.getInt32(from + index, true), true);
      }
      to += length;
    }
    this.#payload[to] = CLOSE;
    return this.#payloadPart.between(0, to + 1);
  }

  /** After the value that begins there, -1 where none of that form does. */
  #valueEnd(at: number, form: Form): number {
    // What it holds is compared as a whole later on.
    if (form === "quintet") return at + QUOTED_QUINTET_FORM.length;
    const { bytes, view } = this.#event;
    const first = bytes[at] as number;
    if (first === SMALL_N) return NULL.isAt(view, at) ? at + NULL.length : -1;
    if (form === "integer") return this.#integerEnd(at, first);
    if (first !== QUOTE) return -1;
    return form === "witness" ? this.#witnessEnd(at) : this.#textEnd(at + 1, form === "text");
  }

  #witnessEnd(at: number): number {
    const likely = at + this.#witnessLength;
    if (likely > at + 1 && likely < this.#event.length) {
      if (this.#event.bytes[likely - 1] === QUOTE) return likely;
    }
    const end = this.#textEnd(at + 1, false);
    this.#witnessLength = Math.max(0, end - at);
    return end;
  }

  #integerEnd(start: number, first: number): number {
    const { bytes } = this.#event;
    const digits = first === MINUS ? start + 1 : start;
    let at = digits;
    while (isDigit(bytes[at] as number)) at += 1;
    const count = at - digits;
    if (count === 0 || count > MOST_DIGITS) return -1;
    // No leading zero, and none with a sign.
    if (bytes[digits] === ZERO && at - start > 1) return -1;
    return at;
  }

  /** After the quotation mark that ends a text whose escapes are those of canonical JSON. */
  #textEnd(start: number, mayEscape: boolean): number {
    const { bytes } = this.#event;
    let at = start;
    for (;;) {
      at = this.#event.plainEnd(at);
      const code = bytes[at] as number;
      if (code === QUOTE) return at + 1;
      if (code >= BEYOND_ASCII) {
        this.#isAscii = false;
        at += 1;
      } else if (code === BACKSLASH && mayEscape) {
        at = this.#escapeEnd(at + 1);
        if (at < 0) return -1;
      } else {
        // A control character, or the end.
        return -1;
      }
    }
  }

  #escapeEnd(at: number): number {
    const { bytes, view } = this.#event;
    const code = bytes[at] as number;
    if (code !== SMALL_U) return SHORT_ESCAPES[code] === 1 ? at + 1 : -1;
    if (!DOUBLE_ZERO.isAt(view, at + 1)) return -1;
    const digit = bytes[at + 3] as number;
    const last = bytes[at + 4] as number;
    const isControl =
      (digit === ZERO && FIRST_CONTROLS[last] === 1) ||
      (digit === ONE && OTHER_CONTROLS[last] === 1);
    return isControl ? at + 5 : -1;
  }
}

function formOf(table: SealedTable, column: SealedColumn): Form {
  if (column.type === "INTEGER") return "integer";
  if (column.name === "signature_quintet") return "quintet";
  if (column.name === "canonical_witness") return "witness";
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

/** 1 for each of the characters. */
function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}
