const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const ZERO = 0x30;

/** Most arguments any operation has; more are counted, not kept. */
const KEPT = 5;
/** Digits a size may have, as in nats-server; nine always fit a safe integer. */
const MAX_DIGITS = 9;

/** The arguments of one control line as offsets into its bytes; one object serves all lines of a stream. */
export class ControlLine {
  /** Offset of the line feed, or -1 when the line is not complete. */
  newline = -1;
  /** How many arguments there are. */
  count = 0;
  /** From the first argument to the end of the line, without the line feed and a carriage return before it. */
  length = 0;
  readonly #starts = new Int32Array(KEPT);
  readonly #ends = new Int32Array(KEPT);
  #bytes: Buffer = Buffer.alloc(0);

  /** Reads up to the first line feed at or after `from`, at most to `end`. */
  read(bytes: Buffer, from: number, end: number): void {
    this.#bytes = bytes;
    this.count = 0;
    this.newline = -1;
    let first = -1;
    let start = -1;
    let position = from;
    for (; position < end; position += 1) {
      const byte = bytes[position] as number;
      if (byte === SPACE || byte === TAB || byte === CR || byte === LF) {
        if (start !== -1) {
          this.#add(start, position);
          start = -1;
        }
        if (byte === LF) {
          this.newline = position;
          break;
        }
      } else if (start === -1) {
        start = position;
        if (first === -1) first = position;
      }
    }
    if (position > from && bytes[position - 1] === CR) position -= 1;
    this.length = first === -1 ? 0 : position - first;
  }

  startOf(index: number): number {
    return this.#starts[index] as number;
  }

  endOf(index: number): number {
    return this.#ends[index] as number;
  }

  /** The argument as latin1: one character for each byte. */
  text(index: number): string {
    return this.#bytes.toString("latin1", this.startOf(index), this.endOf(index));
  }

  /** The argument as a number of one to nine decimal digits, or -1. */
  size(index: number): number {
    const end = this.endOf(index);
    const start = this.startOf(index);
    if (end - start > MAX_DIGITS) return -1;
    let value = 0;
    for (let position = start; position < end; position += 1) {
      const digit = (this.#bytes[position] as number) - ZERO;
      if (digit < 0 || digit > 9) return -1;
      value = value * 10 + digit;
    }
    return value;
  }

  #add(start: number, end: number): void {
    if (this.count < KEPT) {
      this.#starts[this.count] = start;
      this.#ends[this.count] = end;
    }
    this.count += 1;
  }
}
